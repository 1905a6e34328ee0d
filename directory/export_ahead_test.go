package directory

import (
	"errors"
	"strings"
	"testing"
)

// Whatever goes wrong on either side comes back, and nothing is read any more then.
func TestAhead(t *testing.T) {
	wrong := errors.New("wrong")
	for name, tt := range map[string]struct {
		fails  func(part int) error // of the reading, before it hands the part on
		writes func(part int) error
		want   string
	}{
		"all goes well":      {nil, nil, ""},
		"the reading fails":  {func(part int) error { return map[int]error{3: wrong}[part] }, nil, "wrong"},
		"the writing fails":  {nil, func(part int) error { return map[int]error{3: wrong}[part] }, "wrong"},
		"the reading panics": {func(part int) error { _ = make([]int, 3)[part]; return nil }, nil, "INTERNAL: panic: runtime error: index out of range"},
		"the writing panics": {nil, func(part int) error { _ = make([]int, 3)[part]; return nil }, "panics: runtime error: index out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			over, written := false, 0
			err := func() (err error) {
				defer func() {
					if p := recover(); p != nil {
						err = errors.New("panics: " + p.(error).Error())
					}
				}()
				return ahead(func(hand func(int) error) error {
					defer func() { over = true }()
					for part := range 10 {
						if tt.fails != nil {
							if err := tt.fails(part); err != nil {
								return err
							}
						}
						if err := hand(part); err != nil {
							return err
						}
					}
					return nil
				}, func(part int) error {
					if part != written {
						t.Errorf("part %d comes in the place of %d", part, written)
					}
					written++
					if tt.writes != nil {
						return tt.writes(part)
					}
					return nil
				})
			}()
			if tt.want == "" && (err != nil || written != 10) || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) {
				t.Errorf("%d parts, then %v", written, err)
			}
			if !over {
				t.Error("it is being read still")
			}
		})
	}
}
