//go:build race

package export

const racing = true
