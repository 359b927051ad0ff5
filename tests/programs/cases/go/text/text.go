// Package text says what main prints.
package text

import (
	_ "embed"
	"strings"
)

//go:embed greeting.txt
var greeting string

// Greeting is the embedded file in capitals.
func Greeting() string {
	return strings.ToUpper(strings.TrimSpace(greeting))
}
