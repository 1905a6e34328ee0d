package export

import (
	"fmt"
	"io"
)

// Format is the format of a file, by its name in the API.
type Format string

const (
	XLSX Format = "XLSX"
	HTML Format = "HTML"
	CSV  Format = "CSV"
)

// formats has what differs between the formats.
var formats = map[Format]struct {
	extension, mediaType string
	open                 func(io.Writer, Options) Book
}{
	XLSX: {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", NewXLSX},
	HTML: {"html", "text/html; charset=utf-8", NewHTML},
	CSV:  {"csv", "text/csv; charset=utf-8; header=present", NewCSV},
}

// New begins a file of a format. A format that there is not is an error.
func New(f Format, to io.Writer, o Options) (Book, error) {
	known, ok := formats[f]
	if !ok {
		return nil, fmt.Errorf("there is no format %q of exports", f)
	}
	return known.open(to, o), nil
}

// Extension is how the name of a file ends, without the dot; "" of a format that there is not.
func (f Format) Extension() string { return formats[f].extension }

// MediaType is the value of Content-Type; "" of a format that there is not.
func (f Format) MediaType() string { return formats[f].mediaType }
