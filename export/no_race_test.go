//go:build !race

package export

const racing = false
