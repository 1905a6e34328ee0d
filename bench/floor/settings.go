package floor

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strconv"

	"cohort/models"
)

// Settings are those that a page of users is asked for: 30 of them.
var Settings = models.SettingDefinitions[:30]

var settingPlaces = func() map[string]int {
	places := map[string]int{}
	for i, d := range Settings {
		places[d.Key] = i
	}
	return places
}()

// heldSetting is a value that somebody holds.
type heldSetting struct {
	text         string
	there, locks bool
}

// holder is a group that holds values.
type holder struct {
	id       [16]byte
	priority int
	held     []heldSetting // of each setting
	above    map[int]bool  // the holders that it lies in
}

type reachedHolder struct {
	*holder
	at, distance int
}

// pageSettings is all that decides what the settings of a page of users come to.
type pageSettings struct {
	account  []heldSetting
	own      map[[16]byte][]heldSetting
	holders  []*holder
	holderOf map[[16]byte]int
}

// settings reads it with four statements.
func (p *userPage) settings(ctx context.Context) (*pageSettings, error) {
	s := &pageSettings{account: make([]heldSetting, len(Settings)), own: map[[16]byte][]heldSetting{}, holderOf: map[[16]byte]int{}}
	put := func(to []heldSetting, key, value []byte, locked bool) {
		if i, known := settingPlaces[string(key)]; known {
			if _, taken := Settings[i].Stored(string(value)); taken {
				to[i] = heldSetting{string(value), true, locked}
			}
		}
	}
	err := p.scan(ctx, p.f.statements.accountSettings, 3, func(c []sql.RawBytes) { put(s.account, c[0], c[1], c[2][0] == '1') }, p.account[:])
	if err != nil {
		return nil, err
	}
	err = p.scan(ctx, p.f.statements.userSettings, 3, func(c []sql.RawBytes) {
		id := [16]byte(c[0])
		if s.own[id] == nil {
			s.own[id] = make([]heldSetting, len(Settings))
		}
		put(s.own[id], c[1], c[2], false)
	}, p.ofUsers()...)
	if err != nil {
		return nil, err
	}
	var ids [][16]byte
	err = p.scanOf(ctx, sqlGroupSettings, p.groups, 5, func(c []sql.RawBytes) {
		id := [16]byte(c[0])
		at, known := s.holderOf[id]
		if !known {
			at = len(s.holders)
			s.holderOf[id] = at
			s.holders = append(s.holders, &holder{id: id, priority: number(c[4]), held: make([]heldSetting, len(Settings)), above: map[int]bool{}})
			ids = append(ids, id)
		}
		put(s.holders[at].held, c[1], c[2], c[3][0] == '1')
	})
	if err != nil {
		return nil, err
	}
	err = p.scanOf(ctx, sqlAbove, ids, 2, func(c []sql.RawBytes) {
		if above, holds := s.holderOf[[16]byte(c[0])]; holds {
			s.holders[s.holderOf[[16]byte(c[1])]].above[above] = true
		}
	})
	return s, err
}

// append appends what the settings come to for a user.
func (s *pageSettings) append(to []byte, u *pageUser) []byte {
	var groups []reachedHolder
	for group, distance := range u.reached {
		if at, holds := s.holderOf[group]; holds {
			groups = append(groups, reachedHolder{s.holders[at], at, distance})
		}
	}
	slices.SortFunc(groups, func(a, b reachedHolder) int {
		return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.distance, b.distance), bytes.Compare(a.id[:], b.id[:]))
	})
	own := s.own[u.id]
	for i, d := range Settings {
		if i > 0 {
			to = append(to, ',')
		}
		text, source := s.resolve(i, groups, own)
		to = append(append(append(to, `{"definition":{"key":"`...), d.Key...), `"},"value":`...)
		to = append(appendValue(to, d.Type, text), `,"source":"`...)
		to = append(append(to, source...), `"}`...)
	}
	return to
}

// resolve is the value that counts, and where it comes from.
func (s *pageSettings) resolve(i int, groups []reachedHolder, own []heldSetting) (text string, source models.SettingSource) {
	account := s.account[i]
	if account.locks {
		return account.text, models.SettingSourceAccountLock
	}
	var locked, open []reachedHolder
	for _, g := range groups {
		switch h := &g.held[i]; {
		case h.locks:
			locked = append(locked, g)
		case h.there:
			open = append(open, g)
		}
	}
	// A lock gives way to one above it, a value to one below it.
	for _, g := range locked {
		if !slices.ContainsFunc(locked, func(o reachedHolder) bool { return g.above[o.at] }) {
			return g.held[i].text, models.SettingSourceGroupLock
		}
	}
	if own != nil && own[i].there {
		return own[i].text, models.SettingSourceUser
	}
	for _, g := range open {
		if !slices.ContainsFunc(open, func(o reachedHolder) bool { return o.above[g.at] }) {
			return g.held[i].text, models.SettingSourceGroup
		}
	}
	if account.there {
		return account.text, models.SettingSourceAccount
	}
	return Settings[i].Default.Text, models.SettingSourceDefault
}

func appendValue(to []byte, kind models.SettingType, text string) []byte {
	switch kind {
	case models.SettingTypeBoolean:
		return append(append(append(to, `{"boolean":`...), text...), `,"integer":null,"string":null,"choice":null}`...)
	case models.SettingTypeInteger:
		return append(append(append(to, `{"boolean":null,"integer":`...), text...), `,"string":null,"choice":null}`...)
	case models.SettingTypeString:
		return append(appendText(append(to, `{"boolean":null,"integer":null,"string":`...), []byte(text)), `,"choice":null}`...)
	default:
		return append(appendText(append(to, `{"boolean":null,"integer":null,"string":null,"choice":`...), []byte(text)), '}')
	}
}

func number(text []byte) int {
	n, _ := strconv.Atoi(string(text)) // the columns hold numbers
	return n
}
