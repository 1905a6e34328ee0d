package export

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cohort/locale"
)

var (
	samples  = flag.String("samples", "", "keep the files of TestSamples in this `folder`, for scripts/exports")
	longPage = flag.Int("long-page", 1000, "the rows of the sample that is to be long")
)

// nasty are texts that have done harm in spreadsheets, in CSV or in pages, or that readers like to take for something else.
func nasty() []string {
	return []string{
		"=1+1", "=cmd|' /C calc'!A0", "=HYPERLINK(\"http://x.example\",\"go\")", "+1+1", "-1+1", "@SUM(A1:A9)", "=SUM(A1)*cmd|' /C calc'!A0", "\t=1+1", "\r=1+1", "\n=1+1",
		" =1+1", "\"=1+1", "'=1+1", "'1", "＝1+1", "＋1", "－1", "＠1", "\u00a0=1", "x;=1+1", "x\n=1+1", "x\t=1+1", "DDE(\"cmd\";\"/C calc\";\"x\")", "{=1+1}", "|calc", "%0A=1+1",
		"007", "1e5", "1E400", "-5", "+49 30 1234567", "0x1F", "1,5", "1.509", "1/2", "2026-01-01", "01.02.2026", "12:30", "TRUE", "WAHR", "true", "NaN", "#N/A", "#REF!", "null", "€ 5", "50%",
		"a\tb", "a\rb", "a\nb", "a\r\nb", "a,b", "a;b", "say \"hi\"", "\"", "\"\"", "'", "\\", "\\\"", "a\\,b",
		"<script>alert(1)</script>", "</td></tr></table><b>", "&amp;", "&#61;1", "<!--", "]]>", "{{.}}", "${x}",
		"a\x00b", "a\x01b", "a\x0bb", "a\x1bb", "a\x7fb", "a\u0085b", "a\ufffeb", "a\xffb", "\xed\xa0\x80", "_x000D_", "_x0041_", "_x005F_", "_xD800_", "_x0041_x0042_",
		"𝄞", "👩‍👩‍👧‍👦", "e\u0301", "\u202eabc", "שלום", "مرحبا", "日本語", "\ufeffbom", "\u200bzero", "",
		" leading", "trailing ", "  both  ", "\tboth\t", " ", "\n", "two  spaces",
		strings.Repeat("x", 32_767), strings.Repeat("x", 32_768), strings.Repeat("é", 32_767), strings.Repeat("𝄞", 16_384), "=" + strings.Repeat("1+", 16_000) + "1",
	}
}

// payloads are texts that run a script where they are not escaped: ran(n) is theirs to call, § their number.
func payloads() (all []string) {
	for i, p := range []string{
		"<script>ran(§)</script>", "<img src=x onerror=ran(§)>", "<svg onload=ran(§)>", "<svg><script>ran(§)</script></svg>", "<iframe srcdoc='<script>parent.ran(§)</script>'></iframe>",
		"<iframe src='javascript:parent.ran(§)'></iframe>", "<body onload=ran(§)>", "<video src=x onerror=ran(§)></video>", "<audio src=x onerror=ran(§)></audio>", "<video><source src=x onerror=ran(§)></video>",
		"<input autofocus onfocus=ran(§)>", "<select autofocus onfocus=ran(§)></select>", "<textarea autofocus onfocus=ran(§)></textarea>", "<details open ontoggle=ran(§)>x</details>", "<marquee onstart=ran(§)>x</marquee>",
		"<object data='javascript:parent.ran(§)'></object>", "<embed src='javascript:parent.ran(§)'>", "<a href='javascript:ran(§)'>x</a>", "<form action='javascript:ran(§)'><button>x</button></form>", "<math><a xlink:href='javascript:ran(§)'>x</a></math>",
		"</td><script>ran(§)</script><td>", "</th><script>ran(§)</script><th>", "</table><script>ran(§)</script>", "</title><script>ran(§)</script>", "</style><script>ran(§)</script>",
		"</script><script>ran(§)</script>", "\"><script>ran(§)</script>", "'><script>ran(§)</script>", "--><script>ran(§)</script>", "]]><script>ran(§)</script>",
		"\"><img src=x onerror=ran(§)>", "' onmouseover='ran(§)", "\" onfocus=\"ran(§)\" autofocus=\"", "<script src='data:text/javascript,ran(§)'></script>", "<script type=module>ran(§)</script>",
		"<sCrIpT>ran(§)</ScRiPt>", "<script/x>ran(§)</script>", "<script\n>ran(§)</script>", "<img/src=x/onerror=ran(§)>", "<svg><animate onbegin=ran(§) attributeName=x dur=1s>",
		"<svg><set onbegin=ran(§) attributeName=x></svg>", "<style>@keyframes k{}</style><p style='animation:k 1ms' onanimationend=ran(§)>x</p>", "<link rel=stylesheet href='data:text/css,' onload=ran(§)>", "<img srcset=x onerror=ran(§)>", "<base href='javascript:ran(§)//'>",
		"<meta http-equiv=refresh content='0;url=javascript:ran(§)'>", "<template><script>ran(§)</script></template>", "<noscript><p title='</noscript><img src=x onerror=ran(§)>'></noscript>", "<svg><foreignObject><img src=x onerror=ran(§)></foreignObject></svg>", "&lt;script&gt;ran(§)&lt;/script&gt;<script>ran(§)</script>",
	} {
		all = append(all, strings.ReplaceAll(p, "§", fmt.Sprint(i+1)))
	}
	return all
}

// A value as another reader is to find it.
type expected struct {
	Type  string `json:"type"` // text, number, date, truth, empty
	Value any    `json:"value"`
}

func expect(cell any) expected {
	switch v := cell.(type) {
	case string:
		return expected{"text", clean(v)}
	case time.Time:
		return expected{"date", v.UTC().Format(time.RFC3339Nano)}
	case bool:
		return expected{"truth", v}
	case nil:
		return expected{"empty", nil}
	default:
		return expected{"number", v}
	}
}

// TestSamples writes the files that other implementations read: openpyxl, Python's csv, Chromium. See scripts/exports.
func TestSamples(t *testing.T) {
	folder := *samples
	if folder == "" {
		folder = t.TempDir()
	}
	if texts := nasty(); len(texts) < 40 || len(payloads()) < 50 {
		t.Fatal("too few texts")
	}

	table := Table{Name: "All: [kinds]", Columns: []Column{
		{Heading: "=Text", Width: 40}, {Heading: "Number", Kind: Number, Width: 10}, {Heading: "Since", Kind: Date}, {Heading: "Direct", Kind: Truth}, {Heading: "<b>\"More\"</b>, \n@"},
	}}
	var rows [][]any
	for i, text := range nasty() {
		rows = append(rows, []any{text, int64(i*i*i - 500), moment.Add(time.Duration(i*i) * time.Hour), i%3 == 0, text})
	}
	rows = append(rows, []any{nil, nil, nil, nil, nil}, []any{1, "1", "2026-01-01", moment, true}, []any{"end", 1 << 50, moment.Add(1500 * time.Millisecond), false, nil})
	o := options()
	o.Language, o.Title, o.Note = locale.Of("de"), "=1+1 <b>", "@note"
	description := struct {
		Name     string       `json:"name"`
		Headings []string     `json:"headings"`
		Widths   []int        `json:"widths"`
		Rows     [][]expected `json:"rows"`
	}{Name: sheetName(table.Name)}
	for _, c := range table.Columns {
		description.Headings = append(description.Headings, c.heading())
		description.Widths = append(description.Widths, c.width()+2)
	}
	for _, row := range rows {
		var cells []expected
		for _, cell := range row {
			cells = append(cells, expect(cell))
		}
		description.Rows = append(description.Rows, cells)
	}
	raw, err := json.Marshal(description)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"expected.json": string(raw), "policy.txt": ContentSecurityPolicy()} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tables := func(rows [][]any, tables ...Table) func(Book) error {
		return func(b Book) error {
			for _, table := range tables {
				if err := b.Table(table); err != nil {
					return err
				}
				for _, row := range rows {
					if err := b.Row(row); err != nil {
						return err
					}
				}
			}
			return nil
		}
	}
	keep(t, folder, "nasty", XLSX, o, tables(rows, table, table))
	keep(t, folder, "nasty", CSV, o, tables(rows, table))
	keep(t, folder, "nasty", HTML, o, tables(rows, table, Table{Name: "Again", Columns: table.Columns}))
	o.BOM = true
	keep(t, folder, "bom", CSV, o, tables(rows[:3], table))

	attack := Options{Title: payloads()[23] + payloads()[0], Note: strings.Join(payloads(), " "), Made: made}
	hostile := Table{Name: strings.Join(payloads(), " ")}
	var cells []any
	for _, p := range payloads() {
		hostile.Columns = append(hostile.Columns, Column{Heading: p})
		cells = append(cells, p)
	}
	keep(t, folder, "payloads", HTML, attack, tables([][]any{cells, cells}, hostile, Table{Name: "Again " + hostile.Name, Columns: hostile.Columns}))

	people := Table{Name: "Mitglieder", Columns: []Column{
		{Heading: "Name"}, {Heading: "Gruppen", Kind: Number}, {Heading: "Seit", Kind: Date}, {Heading: "Direkt", Kind: Truth}, {Heading: "E-Mail", Width: 40},
	}}
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 8, 0, 0, 0, time.UTC) }
	o = Options{Language: locale.Of("de"), Title: "Nutzer und Gruppen", Note: "Konto Acme, gefiltert nach „aktiv“", Made: made}
	keep(t, folder, "people", HTML, o, tables([][]any{
		{"Zoë", 10, day(2026, 1, 31), true, "zoe@acme.example"},
		{"äpfel 10", 9, day(2025, 12, 1), false, "apfel10@acme.example"},
		{"Apfel 9", -1, day(1969, 2, 3), true, "apfel9@acme.example"},
		{nil, nil, nil, nil, nil},
		{"Bär", 100, day(2026, 2, 1), false, "baer@a-rather-long-domain-name-of-an-organisation.example"},
	}, people, Table{Name: "Gruppen", Columns: people.Columns}))

	wide := Table{Name: "Users"}
	for i := range 10 {
		wide.Columns = append(wide.Columns, Column{Heading: fmt.Sprintf("Column %d", i+1), Kind: []Kind{Text, Number, Date, Truth, Text}[i%5]})
	}
	keep(t, folder, "long", HTML, options(), func(b Book) error {
		if err := b.Table(wide); err != nil {
			return err
		}
		for i := range *longPage {
			n := (i * 7919) % *longPage
			if err := b.Row([]any{fmt.Sprint("User ", n), n, moment.Add(time.Duration(n) * time.Minute), n%2 == 0, "user@acme.example", "text", i, moment, true, nil}); err != nil {
				return err
			}
		}
		return nil
	})
}

func keep(t *testing.T, folder, name string, f Format, o Options, fill func(Book) error) {
	t.Helper()
	to, err := os.Create(filepath.Join(folder, name+"."+f.Extension()))
	if err != nil {
		t.Fatal(err)
	}
	buffered := bufio.NewWriter(to)
	b, err := New(f, buffered, o)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Discard()
	if err := fill(b); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.Close(), buffered.Flush(), to.Close()); err != nil {
		t.Fatal(err)
	}
}
