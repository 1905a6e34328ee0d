package export

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"time"

	"cohort/auth"
	"cohort/directory"
	"cohort/models"
)

// Downloads answers with the files of exports, by the addresses that Job.resultUrl gives: GET and HEAD, whole or a range of it, so that
// what was broken off can be resumed, at any server. It takes no token. 404 for an address that is none, and for a file that is kept no more;
// 410 for one that was good for too short a time; 403 when the user for whom it was made may not export any more.
func Downloads(d *directory.Directory, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Cache-Control", "private, no-store")
		head.Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			head.Set("Allow", "GET, HEAD")
			refuse(w, http.StatusMethodNotAllowed, "a file is fetched with GET")
			return
		}
		id, err := models.ParseJobID(r.PathValue("job"))
		if err != nil {
			refuse(w, http.StatusNotFound, directory.ErrNoFile.Error())
			return
		}
		file, content, err := d.OpenExport(r.Context(), id, r.URL.Query().Get("pass"))
		switch {
		case errors.Is(err, directory.ErrNoFile):
			refuse(w, http.StatusNotFound, directory.ErrNoFile.Error())
			return
		case errors.Is(err, directory.ErrPassOver):
			refuse(w, http.StatusGone, directory.ErrPassOver.Error())
			return
		case errors.Is(err, auth.ErrForbidden):
			refuse(w, http.StatusForbidden, "whoever asked for this address may not export any more")
			return
		case err != nil:
			log.ErrorContext(r.Context(), "open the file of an export", "error", err, "job", id.String(), "requestId", auth.RequestIDFrom(r.Context()))
			refuse(w, http.StatusInternalServerError, "Something went wrong on our side. Request id: "+auth.RequestIDFrom(r.Context()))
			return
		}
		head.Set("Content-Type", file.MediaType)
		head.Set("ETag", file.ETag())
		head.Set("Cross-Origin-Resource-Policy", "same-site")
		show := "attachment"
		if file.MediaType == HTML.MediaType() {
			show = "inline"
			head.Set("Content-Security-Policy", ContentSecurityPolicy())
		} else {
			head.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
		}
		head.Set("Content-Disposition", mime.FormatMediaType(show, map[string]string{"filename": file.Name}))
		http.ServeContent(&patient{ResponseWriter: w, control: http.NewResponseController(w)}, r, "", file.CreatedAt, content)
	})
}

func refuse(w http.ResponseWriter, status int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, line)
}

// pace is how long one write may take: however slow a line is, it gets the whole file as long as it takes something.
const pace = 30 * time.Second

// patient gives each write its own time instead of one for the whole answer.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (p *patient) Write(b []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(pace)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.ResponseWriter.Write(b)
}

// ReadFrom would hand the whole file on in one call.
func (p *patient) ReadFrom(from io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{p}, from, make([]byte, 64<<10))
}

// Unwrap lets http.ResponseController reach what is below.
func (p *patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }
