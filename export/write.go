package export

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"cohort/directory"
	"cohort/locale"
	"cohort/models"
)

// Write writes the file of an export, and says what it is called and of what media type. It is what directory.ExportHandler wants.
func Write(e *directory.Export, to io.Writer) (name, mediaType string, err error) {
	f, l := Format(e.Format), locale.Of(string(*e.Locale))
	what := whatOf(e)
	book, err := New(f, to, Options{
		Language: l, Title: l.Text("export."+what, nil) + " – " + e.Account, Made: e.Made, BOM: e.ByteOrderMark,
	})
	if err != nil {
		return "", "", err
	}
	defer book.Discard()
	s := &sheet{e: e, book: book, say: newSpeech(l)}
	if e.AsData {
		s.say = plainSpeech
	}
	switch what {
	case "users":
		err = s.users(e.What.Users)
	case "groups":
		err = s.groups(e.What.Groups)
	case "memberships":
		err = s.memberships(what, e.What.Memberships.Columns)
	default:
		err = s.events(e.What.Events)
	}
	if err == nil {
		err = book.Close()
	}
	return fmt.Sprintf("%s-%s.%s", what, e.Made.Format("2006-01-02"), f.Extension()), f.MediaType(), err
}

func whatOf(e *directory.Export) string {
	switch {
	case e.What.Users != nil:
		return "users"
	case e.What.Groups != nil:
		return "groups"
	case e.What.Memberships != nil:
		return "memberships"
	default:
		return "events"
	}
}

// sheet writes what an export reads into a book.
type sheet struct {
	e    *directory.Export
	book Book
	say  speech
}

// field is a column with the value that a T has in it.
type field[T any] struct {
	heading string // the text behind export.column., or, for programs, what stands there itself
	kind    Kind
	width   int
	value   func(s speech, of T) any
}

// put writes a table: each calls its function with some rows at a time.
func put[T any](s *sheet, name string, fields []field[T], each func(func([]T) error) error) error {
	table := Table{Name: s.say.text("export." + name)}
	for _, f := range fields {
		table.Columns = append(table.Columns, s.column(f.heading, f.kind, f.width))
	}
	if err := s.book.Table(table); err != nil {
		return err
	}
	cells := make([]any, len(fields))
	return each(func(rows []T) error {
		for _, row := range rows {
			for i, f := range fields {
				cells[i] = s.cell(f.value(s.say, row))
			}
			if err := s.book.Row(cells); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *sheet) column(heading string, kind Kind, width int) Column {
	switch {
	case !s.e.AsData:
		return Column{Heading: s.say.text("export.column." + heading), Kind: kind, Width: width}
	case kind == Number:
		return Column{Heading: heading, Kind: kind, Width: width}
	default:
		return Column{Heading: heading, Width: width}
	}
}

// cell is a value as it is written: for programs as the API has it.
func (s *sheet) cell(value any) any {
	if !s.e.AsData {
		return value
	}
	switch v := value.(type) {
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case bool:
		return strconv.FormatBool(v)
	}
	return value
}

// pick finds the fields of columns. A column without one is a mistake in the program.
func pick[C ~string, T any](asData bool, columns []C, known map[C]field[T]) ([]field[T], error) {
	fields := make([]field[T], len(columns))
	for i, column := range columns {
		f, ok := known[column]
		if !ok {
			return nil, fmt.Errorf("there is no column %s to export", column)
		}
		if asData {
			f.heading = string(column)
		}
		fields[i] = f
	}
	return fields, nil
}

func (s *sheet) users(o *models.UsersExport) error {
	fields, err := pick(s.e.AsData, o.Columns, userFields)
	if err != nil {
		return err
	}
	return put(s, "users", fields, s.e.EachUser)
}

func (s *sheet) groups(o *models.GroupsExport) error {
	fields, err := pick(s.e.AsData, o.Columns, groupFields)
	if err == nil {
		err = put(s, "groups", fields, s.e.EachGroup)
	}
	if err != nil || !o.Members || Format(s.e.Format) == CSV { // which has one table
		return err
	}
	return s.memberships("members", models.DefaultMembershipColumns)
}

func (s *sheet) memberships(name string, columns []models.GroupMemberColumn) error {
	fields, err := pick(s.e.AsData, columns, memberFields)
	if err != nil {
		return err
	}
	group := slices.Clone(groupOfMember)
	if s.e.AsData {
		group[0].heading, group[1].heading = "GROUP", "GROUP_ID"
	}
	return put(s, name, append(group, fields...), s.e.EachMembership)
}

func (s *sheet) events(o *models.EventsExport) error {
	fields, err := pick(s.e.AsData, o.Columns, eventFields)
	if err != nil {
		return err
	}
	return put(s, "events", fields, s.e.EachEvent)
}

// speech is a language with the words that many cells have.
type speech struct {
	language *locale.Language
	words    map[string]any // cells by their texts' ids
	between  string         // names of a list
	upwards  string         // groups on a way
}

// plainSpeech is for programs.
var plainSpeech = speech{language: locale.Of(locale.Default), between: " ", upwards: " "}

func newSpeech(l *locale.Language) speech {
	s := speech{l, map[string]any{}, "; ", " › "}
	for _, role := range models.AllRole {
		s.learn("role", string(role))
	}
	for _, status := range models.AllUserStatus {
		s.learn("status", string(status))
	}
	for _, reason := range models.AllSuspensionReason {
		s.learn("reason", string(reason))
	}
	for _, outcome := range []models.AuditOutcome{models.AuditOutcomeDone, models.AuditOutcomeRefused} {
		s.learn("outcome", string(outcome))
	}
	names := display.Languages(language.MustParse(l.Code()))
	for _, code := range models.AllLocale {
		s.words["locale."+string(code)] = names.Name(language.MustParse(strings.ToLower(string(code))))
	}
	return s
}

func (s speech) learn(kind, value string) {
	s.words[kind+"."+value] = s.text("export." + kind + "." + value)
}

func (s speech) text(id string) string { return s.language.Text(id, nil) }

// word is the cell of a value that there are few of, and which has a word in the language; one without stands for itself.
func (s speech) word(kind, value string) any {
	if word, known := s.words[kind+"."+value]; known {
		return word
	}
	return value
}

// list is the cell of several names; empty for none.
func list(names []string, between string) any {
	if len(names) == 0 {
		return nil
	}
	return strings.Join(names, between)
}

// line is the cell of a text; empty for none.
func line(text string) any {
	if text == "" {
		return nil
	}
	return text
}
