package attestlm

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every symbol of the interface is used by the binding, or is in unbound.txt with a reason; and not both.
func TestEverySymbolIsBound(t *testing.T) {
	symbols, err := os.ReadFile("../../ffi/abi/symbols.txt")
	if err != nil {
		t.Fatal(err)
	}
	unbound := map[string]bool{}
	listed, err := os.ReadFile("unbound.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(listed)), "\n") {
		name, reason, _ := strings.Cut(line, ": ")
		if reason == "" {
			t.Errorf("no reason in %q", line)
		}
		unbound[name] = true
	}
	var code strings.Builder
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(text)
	}
	// A comment does not use what it names; a C comment before import "C" does.
	used := regexp.MustCompile(`(?m)^\s*//.*$`).ReplaceAllString(code.String(), "")
	name := regexp.MustCompile(`^#define (\w+)|\(\*(attestlm_\w+)\)\(|(attestlm_\w+)\(`)
	found := 0
	for _, line := range strings.Split(string(symbols), "\n") {
		if line == "" || strings.HasPrefix(line, "# ") {
			continue
		}
		match := name.FindStringSubmatch(line)
		if match == nil {
			t.Errorf("%q is no symbol", line)
			continue
		}
		symbol := match[1] + match[2] + match[3]
		found++
		if bound := regexp.MustCompile(`\b` + symbol + `\b`).MatchString(used); bound == unbound[symbol] {
			t.Errorf("%s: used %v, in unbound.txt %v", symbol, bound, unbound[symbol])
		}
		delete(unbound, symbol)
	}
	if found < 50 {
		t.Errorf("%d symbols", found)
	}
	for symbol := range unbound {
		t.Errorf("%s in unbound.txt is no symbol of the interface", symbol)
	}
}
