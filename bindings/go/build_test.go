package attestlm

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// What go build says first where something is missing is what the README explains.
func TestBuildErrors(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for missing, expected := range map[string]string{
		"CGO_ENABLED=0":              "attestlm needs cgo",
		"PKG_CONFIG_LIBDIR=/nowhere": "Package attestlm was not found in the pkg-config search path",
	} {
		command := exec.Command("go", "build", ".")
		command.Env = append(os.Environ(), "CGO_ENABLED=1", "PKG_CONFIG_PATH=", missing)
		said, err := command.CombinedOutput()
		rest := strings.Split(string(said), "\n")
		for len(rest) > 1 && strings.HasPrefix(rest[0], "# ") {
			rest = rest[1:]
		}
		if err == nil || !strings.Contains(rest[0], expected) {
			t.Errorf("%s: %v: %s", missing, err, said)
		}
		if !strings.Contains(string(readme), "`"+expected+"`") {
			t.Errorf("the README does not explain %q", expected)
		}
	}
}
