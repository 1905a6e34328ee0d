package directory

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"cohort/models"
)

// fileKind is one of the files of an import, in the order in which they are read.
type fileKind int

const (
	usersFile fileKind = iota
	groupsFile
	membershipsFile
)

var fileKinds = []fileKind{usersFile, groupsFile, membershipsFile}

func (k fileKind) String() string {
	return [...]string{"users.csv", "groups.csv", "memberships.csv"}[k]
}

// columns are what the header of the file must name, in any order.
func (k fileKind) columns() []string {
	return [...][]string{
		{"email", "given_name", "family_name", "role", "locale"},
		{"name", "description", "parent"},
		{"group", "email"},
	}[k]
}

// reasonColumn is added to refused rows, and passed over when they are imported again.
const reasonColumn = "reason"

// importFile is a file of an import behind its header.
type importFile struct {
	kind   fileKind
	closer io.Closer
	rows   *csvReader
	header []cell
	wanted []int // where the columns of its kind stand
}

// openImportFile opens a file and reads its header, or says what is wrong with that. Nil when there is no
// such file.
func openImportFile(dir fs.FS, kind fileKind) (*importFile, []complaint, error) {
	in, err := dir.Open(kind.String())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open %s: %w", kind, err)
	}
	f := &importFile{kind: kind, closer: in, rows: newCSVReader(in)}
	wrong, err := f.begin()
	return f, wrong, err
}

func (f *importFile) begin() ([]complaint, error) {
	first, err := f.rows.row()
	switch {
	case errors.Is(err, io.EOF):
		return []complaint{{place{1, 1}, "the file is empty: its first line names the columns " + f.names()}}, nil
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", f.kind, err)
	case first.malformed != nil:
		return []complaint{*first.malformed}, nil
	}
	f.header = first.cells
	return f.readHeader(), nil
}

func (f *importFile) names() string { return strings.Join(f.kind.columns(), ",") }

func (f *importFile) readHeader() []complaint {
	var found []complaint
	index := map[string]int{}
	for i, c := range f.header {
		name := columnName(c)
		switch _, twice := index[name]; {
		case !utf8.ValidString(c.text):
			return []complaint{{c.place, "the file is not in UTF-8: save it as “CSV UTF-8”"}}
		case twice:
			found = append(found, complaint{c.place, fmt.Sprintf("the column %s stands here a second time", name)})
		case name != reasonColumn && !slices.Contains(f.kind.columns(), name):
			reason := fmt.Sprintf("%s is no column of %s: the columns are %s", shown(c.text), f.kind, f.names())
			if strings.ContainsAny(c.text, ";\t") {
				reason += ", separated by commas"
			}
			found = append(found, complaint{c.place, reason})
		}
		index[name] = i
	}
	var missing []string
	for _, name := range f.kind.columns() {
		i, there := index[name]
		if !there {
			missing = append(missing, name)
		}
		f.wanted = append(f.wanted, i)
	}
	if missing != nil {
		reason := fmt.Sprintf("there is no column %s: the columns are %s", strings.Join(missing, ", "), f.names())
		found = append(found, complaint{f.header[0].place, reason})
	}
	return found
}

func columnName(c cell) string { return strings.ToLower(strings.TrimSpace(c.text)) }

// next reads a row: its cells in the order of the kind's columns, or what is wrong with it. io.EOF after the
// last one.
func (f *importFile) next() (*csvRow, error) {
	row, err := f.rows.row()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", f.kind, err)
	}
	if err != nil || row.malformed != nil {
		return row, err
	}
	if len(row.cells) != len(f.header) {
		at := row.cells[min(len(row.cells)-1, len(f.header))].place
		row.malformed = &complaint{at, fmt.Sprintf("the row has %d fields, the header has %d", len(row.cells), len(f.header))}
		return row, nil
	}
	cells := make([]cell, len(f.wanted))
	for i, from := range f.wanted {
		cells[i] = row.cells[from]
	}
	row.cells = cells
	return row, nil
}

// checker gathers what is wrong with the cells of a row.
type checker struct {
	kind  fileKind
	cells []cell
	wrong []complaint
}

// text is a cell that a rule for texts has checked and cleaned.
func (c *checker) text(column int, rule func(string) (string, error)) string {
	clean, err := rule(c.cells[column].text)
	found, _ := models.UserErrors(err)
	for _, e := range found {
		c.complain(column, e.Message)
	}
	return clean
}

func (c *checker) complain(column int, reason string) {
	c.wrong = append(c.wrong, complaint{c.cells[column].place, c.kind.columns()[column] + ": " + reason})
}

func oneLine(limit int, required bool) func(string) (string, error) {
	return func(text string) (string, error) { return models.Line(text, limit, required) }
}

// word is a cell that holds one of a few words, in whatever case, or nothing.
func word[T ~string](c *checker, column int, none T, all []T) T {
	text := strings.TrimSpace(c.cells[column].text)
	if text == "" {
		return none
	}
	words := make([]string, len(all))
	for i, value := range all {
		if strings.EqualFold(text, string(value)) {
			return value
		}
		words[i] = strings.ToLower(string(value))
	}
	c.complain(column, fmt.Sprintf("%s is none of %s", shown(text), strings.Join(words, ", ")))
	return none
}

// userRow is a row of users.csv; without a key its e-mail is wrong.
type userRow struct {
	line                      int
	email, key, given, family string
	role                      models.Role
	locale                    models.Locale
	emailAt, roleAt           place
}

func readUserRow(row *csvRow) (userRow, []complaint) {
	c := checker{kind: usersFile, cells: row.cells}
	u := userRow{line: row.line, emailAt: row.cells[0].place, roleAt: row.cells[3].place}
	if u.email = c.text(0, models.Email); len(c.wrong) == 0 {
		u.key = models.Key(u.email)
	}
	u.given = c.text(1, oneLine(models.MaxName, false))
	u.family = c.text(2, oneLine(models.MaxName, false))
	u.role = word(&c, 3, models.RoleMember, models.AllRole)
	u.locale = word(&c, 4, models.LocaleEn, models.AllLocale)
	return u, c.wrong
}

// groupRow is a row of groups.csv; without a key its name is wrong.
type groupRow struct {
	line                      int
	name, key, description    string
	parentName, parentKey     string // empty for a group in no other one
	nameAt, describedAt, inAt place
	group, parent             *importGroup
	refused                   bool
}

func readGroupRow(row *csvRow) (*groupRow, []complaint) {
	c := checker{kind: groupsFile, cells: row.cells}
	g := &groupRow{line: row.line, nameAt: row.cells[0].place, describedAt: row.cells[1].place, inAt: row.cells[2].place}
	if g.name = c.text(0, oneLine(models.MaxName, true)); len(c.wrong) == 0 {
		g.key = models.Key(g.name)
	}
	g.description = c.text(1, func(text string) (string, error) { return models.Paragraph(text, models.MaxDescription) })
	g.parentName = c.text(2, oneLine(models.MaxName, false))
	g.parentKey = models.Key(g.parentName)
	return g, c.wrong
}

// memberRow is a row of memberships.csv.
type memberRow struct {
	line                     int
	group, groupKey, userKey string
	groupAt, emailAt         place
}

func readMemberRow(row *csvRow) (memberRow, []complaint) {
	c := checker{kind: membershipsFile, cells: row.cells}
	m := memberRow{line: row.line, groupAt: row.cells[0].place, emailAt: row.cells[1].place}
	m.group = c.text(0, oneLine(models.MaxName, true))
	m.groupKey = models.Key(m.group)
	m.userKey = models.Key(c.text(1, models.Email))
	return m, c.wrong
}

// shown quotes a text of a file in a reason, shortened.
func shown(text string) string {
	const most = 60
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", text)
}

// salvage takes a malformed row apart as well as it can be done.
func salvage(raw string) []string {
	r := csv.NewReader(strings.NewReader(raw))
	r.LazyQuotes, r.FieldsPerRecord = true, -1
	fields, err := r.Read()
	if err != nil {
		return []string{raw}
	}
	return fields
}
