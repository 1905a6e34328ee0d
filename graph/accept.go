package graph

import (
	"mime"
	"strconv"
	"strings"
)

const (
	mediaJSON     = "application/json"
	mediaResponse = "application/graphql-response+json"
	mediaEvents   = "text/event-stream"
)

// negotiated is how an answer may be sent.
type negotiated struct {
	media string // of a single answer; empty when the client takes none that there is
	// events says that the client takes a stream of events, and preferred that it wants one for everything. Some
	// clients name text/event-stream behind application/json in every request.
	events, preferred bool
}

// negotiate chooses the media type of the answer by the Accept headers of a request. Who doesn't care gets
// application/json, and events for a subscription. Among types asked for alike the more exact wins, then the
// one named first.
func negotiate(accept []string) negotiated {
	header := strings.Join(accept, ",")
	if strings.TrimSpace(header) == "" {
		return negotiated{media: mediaJSON, events: true}
	}
	wanted := ranges(header)
	best, bestOf := mediaRange{}, ""
	for _, offer := range []string{mediaJSON, mediaResponse} {
		if found := decisive(wanted, offer); found.quality > 0 && found.before(best) {
			best, bestOf = found, offer
		}
	}
	events := decisive(wanted, mediaEvents)
	return negotiated{
		media: bestOf, events: events.quality > 0 && events.kind != "text/*", // which asks for something to read
		preferred: events.quality > 0 && events.kind == mediaEvents && events.before(best),
	}
}

// decisive is the range that decides about an offer, as RFC 9110 has it: the most exact one.
func decisive(wanted []mediaRange, offer string) (found mediaRange) {
	for _, r := range wanted {
		if r.matches(offer) && r.exactness > found.exactness {
			found = r
		}
	}
	return found
}

// mediaRange is one entry of an Accept header.
type mediaRange struct {
	kind      string
	quality   float64
	exactness int // 3 for a type, 2 for all of a kind, 1 for everything, 0 for no range at all
	place     int
}

func (r mediaRange) matches(offer string) bool {
	return r.exactness == 1 || r.kind == offer || r.exactness == 2 && strings.HasPrefix(offer, strings.TrimSuffix(r.kind, "*"))
}

func (r mediaRange) before(other mediaRange) bool {
	if r.quality != other.quality {
		return r.quality > other.quality
	}
	if r.exactness != other.exactness {
		return r.exactness > other.exactness
	}
	return r.place < other.place
}

// ranges leaves out what can't be read.
func ranges(header string) []mediaRange {
	var found []mediaRange
	for place, entry := range strings.Split(header, ",") {
		kind, parameters, err := mime.ParseMediaType(entry)
		if err != nil {
			continue
		}
		r := mediaRange{kind: kind, quality: 1, exactness: 3, place: place}
		if given, ok := parameters["q"]; ok {
			if r.quality, err = strconv.ParseFloat(given, 64); err != nil || !(r.quality >= 0 && r.quality <= 1) { // nor NaN
				continue
			}
		}
		switch {
		case kind == "*/*":
			r.exactness = 1
		case strings.HasSuffix(kind, "/*"):
			r.exactness = 2
		}
		found = append(found, r)
	}
	return found
}
