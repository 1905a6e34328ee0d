package export

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"cohort/locale"
)

var (
	made   = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)
	moment = time.Date(2026, 3, 1, 23, 4, 5, 0, time.UTC)
)

func options() Options {
	return Options{Language: locale.Of("en"), Title: "Members", Note: "Everybody", Made: made}
}

// file writes a table in a format and gives the file.
func file(t *testing.T, f Format, o Options, table Table, rows ...[]any) []byte {
	t.Helper()
	var to bytes.Buffer
	b, err := New(f, &to, o)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Discard()
	if err := b.Table(table); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err := b.Row(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return to.Bytes()
}

func everyFormat(t *testing.T, test func(*testing.T, Format)) {
	for _, f := range []Format{XLSX, HTML, CSV} {
		t.Run(string(f), func(t *testing.T) { test(t, f) })
	}
}

// broken fails once it has taken so many bytes.
type broken struct{ left int }

var errBroken = errors.New("the disk is full")

func (b *broken) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

func TestRefused(t *testing.T) {
	one := Table{Name: "One", Columns: []Column{{Heading: "A"}, {Heading: "B", Kind: Number}}}
	everyFormat(t, func(t *testing.T, f Format) {
		open := func(t *testing.T, to *bytes.Buffer) Book {
			b, err := New(f, to, options())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(b.Discard)
			return b
		}
		refused := func(t *testing.T, err error, want string) {
			t.Helper()
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		}
		t.Run("before a table", func(t *testing.T) {
			b := open(t, new(bytes.Buffer))
			refused(t, b.Row([]any{"a", 1}), ErrNoTable.Error())
			refused(t, b.Close(), ErrNoTable.Error())
			refused(t, b.Table(Table{Name: "None"}), `the table "None" has no columns`)
			refused(t, b.Table(Table{Name: "Wide", Columns: make([]Column, mostColumns+1)}), "16385 columns")
		})
		t.Run("a wrong row changes nothing", func(t *testing.T) {
			var to bytes.Buffer
			b := open(t, &to)
			if err := b.Table(one); err != nil {
				t.Fatal(err)
			}
			refused(t, b.Row([]any{"a"}), "a row of 1 cells in a table of 2 columns")
			refused(t, b.Row([]any{"a", 1, 2}), "a row of 3 cells")
			refused(t, b.Row([]any{"a", 1.5}), "cell 2 is a float64")
			if err := b.Row([]any{"a", 1}); err != nil {
				t.Fatal(err)
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			if f != XLSX && !bytes.Equal(to.Bytes(), file(t, f, options(), one, []any{"a", 1})) {
				t.Errorf("what was refused has left something: %s", to.Bytes())
			}
		})
		t.Run("after the end", func(t *testing.T) {
			b := open(t, new(bytes.Buffer))
			if err := errors.Join(b.Table(one), b.Close()); err != nil {
				t.Fatal(err)
			}
			for _, err := range []error{b.Table(one), b.Row([]any{"a", 1}), b.Close()} {
				if !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
			}
			b.Discard()
		})
		t.Run("the writer beneath fails", func(t *testing.T) {
			b, err := New(f, &broken{left: 10}, options())
			if err != nil {
				t.Fatal(err)
			}
			defer b.Discard()
			for i := 0; err == nil && i < 10_000; i++ {
				if i == 0 {
					err = b.Table(one)
				} else {
					err = b.Row([]any{"a", i})
				}
			}
			if err == nil {
				err = b.Close()
			}
			if !errors.Is(err, errBroken) {
				t.Fatal(err)
			}
			if err := b.Close(); err == nil {
				t.Error("a spoilt file was closed")
			}
		})
	})
	if _, err := New("PDF", new(bytes.Buffer), options()); err == nil || Format("PDF").Extension() != "" {
		t.Error("there is a format PDF")
	}
}

func TestMediaTypes(t *testing.T) {
	everyFormat(t, func(t *testing.T, f Format) {
		if f.Extension() != strings.ToLower(string(f)) || f.MediaType() == "" {
			t.Errorf("%q, %q", f.Extension(), f.MediaType())
		}
	})
}

func TestEveryLanguageHasItsMoment(t *testing.T) {
	want := map[string]string{
		"en": "2026-03-01 23:04:05", "fr": "01/03/2026 23:04:05", "it": "01/03/2026 23:04:05", "de": "01.03.2026 23:04:05",
		"es": "01/03/2026 23:04:05", "pt": "01/03/2026 23:04:05", "nl": "01-03-2026 23:04:05",
	}
	for code, moments := range want {
		l := locale.Of(code)
		if l.Code() != code {
			t.Fatalf("there is no language %s", code)
		}
		if got := wordsOf(l).moment(moment.In(time.FixedZone("", 3600))); got != moments {
			t.Errorf("%s: %s", code, got)
		}
	}
	if len(moments) != len(want) {
		t.Errorf("%d forms for %d languages", len(moments), len(want))
	}
}

func TestClean(t *testing.T) {
	for given, want := range map[string]string{
		"plain": "plain", "é𝄞\t\r\n": "é𝄞\t\r\n", "a\x00b\x1fc": "a�b�c", "\xff": "�", "a\xed\xa0\x80b": "a���b",
		"\ufffe\uffff": "��", "�": "�", "\u202eRTL\x7f\u0085": "\u202eRTL\x7f\u0085",
	} {
		if got := clean(given); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}

// temporary says what is left in the folder of temporary files.
func temporary(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
