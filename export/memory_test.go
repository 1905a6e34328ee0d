package export

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

var memoryOf = flag.String("memory-of", "", "have TestMemory write a large file of this `format`, in the process that it measures")

// The mark of an export of 100,000 users x 20 columns, in MiB of resident memory.
const mostMemory = 150

// A process that writes a large file stays small, also with several large tables. Each format gets a process of its own, whose peak the kernel knows.
func TestMemory(t *testing.T) {
	if *memoryOf != "" {
		writeLarge(t, Format(*memoryOf))
		return
	}
	if racing {
		t.Skip("the race detector takes memory of its own, several times what is measured here")
	}
	everyFormat(t, func(t *testing.T, f Format) {
		out, err := exec.Command(os.Args[0], "-test.run", "^TestMemory$", "-test.v", "-memory-of", string(f)).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(out)
		if found == nil {
			t.Skipf("the kernel doesn't tell: %s", out)
		}
		kib, err := strconv.Atoi(string(found[1]))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d MiB at most", kib/1024)
		if kib > mostMemory*1024 {
			t.Errorf("%d MiB, more than %d", kib/1024, mostMemory)
		}
	})
}

// large is a table of 20 columns, as that of users is, and its rows.
func large() (table Table, row func(i int, cells []any)) {
	table.Name = "Users"
	for i := range 20 {
		table.Columns = append(table.Columns, Column{Heading: fmt.Sprintf("Column %d", i+1), Kind: []Kind{Text, Number, Date, Truth, Text}[i%5]})
	}
	return table, func(i int, cells []any) {
		for j := range cells {
			switch j % 5 {
			case 0, 4:
				cells[j] = fmt.Sprintf("somebody-%d-%d@acme.example", i, j)
			case 1:
				cells[j] = i * j
			case 2:
				cells[j] = moment.Add(time.Duration(i*j) * time.Second)
			case 3:
				cells[j] = i%2 == 0
			}
		}
	}
}

func writeLarge(t *testing.T, f Format) {
	to, err := os.Create(filepath.Join(t.TempDir(), "large"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(f, to, options())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Discard()
	table, row := large()
	cells := make([]any, len(table.Columns))
	tables := []int{100_000, 30_000, 30_000, 30_000}
	if f == CSV {
		tables = tables[:1]
	}
	for _, rows := range tables {
		if err := b.Table(table); err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			row(i, cells)
			if err := b.Row(cells); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(b.Close(), to.Close()); err != nil {
		t.Fatal(err)
	}
	status, err := os.Open("/proc/self/status")
	if err != nil {
		return // no Linux
	}
	defer status.Close()
	for lines := bufio.NewScanner(status); lines.Scan(); {
		if line := lines.Text(); regexp.MustCompile("^VmHWM").MatchString(line) {
			fmt.Println(line)
		}
	}
}
