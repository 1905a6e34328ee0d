package load

import (
	"math"
	"slices"
	"time"
)

// Quartiles are the median of some values and the values between which the middle half of them lies.
type Quartiles struct{ Low, Median, High float64 }

// QuartilesOf some values; zeros for none.
func QuartilesOf(values []float64) Quartiles {
	sorted := slices.Sorted(slices.Values(values))
	return Quartiles{at(sorted, 0.25), at(sorted, 0.5), at(sorted, 0.75)}
}

// Spread is how far apart the quartiles lie, as a share of the median.
func (q Quartiles) Spread() float64 {
	if q.Median == 0 {
		return 0
	}
	return (q.High - q.Low) / q.Median
}

// Percentile of some durations, such as 0.99; 0 for none. It sorts them.
func Percentile(times []time.Duration, share float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[min(len(times)-1, int(share*float64(len(times))))]
}

// at is the value at a share of the way through sorted values, between two of them if need be.
func at(sorted []float64, share float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	place := share * float64(len(sorted)-1)
	low := int(math.Floor(place))
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (sorted[high]-sorted[low])*(place-float64(low))
}
