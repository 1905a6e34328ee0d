// Package locale has what Cohort says to people, in the seven languages: a file in texts/ for each, with the same
// texts. They are plain texts; whoever puts them into HTML escapes them.
package locale

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Default is the language of those whose own is none of ours.
const Default = "en"

//go:embed texts/*.json
var files embed.FS

// Values are what a text names as {{.Name}}.
type Values map[string]any

// Language is one of the languages.
type Language struct {
	code  string
	texts *i18n.Localizer
}

var languages = load()

// load reads the files, which are part of the program: a wrong one fails every test.
func load() map[string]*Language {
	bundle := i18n.NewBundle(language.MustParse(Default))
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	entries, err := files.ReadDir("texts")
	if err != nil {
		panic(err)
	}
	loaded := map[string]*Language{}
	for _, entry := range entries {
		code := strings.TrimSuffix(entry.Name(), ".json")
		file, err := bundle.LoadMessageFileFS(files, path.Join("texts", entry.Name()))
		if err != nil {
			panic(fmt.Errorf("read the texts of %s: %w", code, err))
		}
		for _, text := range file.Messages {
			text.Many = text.Other // the Romance languages' form for whole millions, the same as the plural
		}
		if err := bundle.AddMessages(file.Tag, file.Messages...); err != nil {
			panic(fmt.Errorf("add the texts of %s: %w", code, err))
		}
		loaded[code] = &Language{code, i18n.NewLocalizer(bundle, code)}
	}
	return loaded
}

// Of is the language of a code such as FR or fr; the default for a code that is none of ours.
func Of(code string) *Language {
	if l, ok := languages[strings.ToLower(code)]; ok {
		return l
	}
	return languages[Default]
}

// Code is the language's own, in small letters, as HTML and HTTP want it.
func (l *Language) Code() string { return l.code }

// Text is a text with its values. An id that isn't there is a mistake in the program, and panics.
func (l *Language) Text(id string, values Values) string {
	return l.texts.MustLocalize(&i18n.LocalizeConfig{MessageID: id, TemplateData: values})
}

// Plural is the form of a text for so many, who are its {{.Count}}. Otherwise it is as Text.
func (l *Language) Plural(id string, count int, values Values) string {
	all := Values{"Count": count}
	for name, value := range values {
		all[name] = value
	}
	return l.texts.MustLocalize(&i18n.LocalizeConfig{MessageID: id, TemplateData: all, PluralCount: count})
}
