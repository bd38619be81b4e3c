package attestlm

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// openFile opens a file in every way there is, and wants each error to be an ErrIO that names the file, and the other.
func openFile(t *testing.T, path string, expected error) {
	t.Helper()
	_, opened := OpenModel(background, path, OpenOptions{})
	_, checked := CheckModel(background, path, OpenOptions{Progress: func(done, total uint64) {}})
	_, adapted := theModel(t).OpenAdapter(path)
	for _, err := range []error{opened, checked, adapted} {
		answered(t, err, ErrIO, path, "os error")
		if !errors.Is(err, expected) || strings.Count(err.Error(), "os error") != 1 {
			t.Errorf("%v, not %v", err, expected)
		}
	}
}

func TestMissingFile(t *testing.T) {
	openFile(t, filepath.Join(t.TempDir(), "model.gguf"), fs.ErrNotExist)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("not a model"), 0o600); err != nil {
		t.Fatal(err)
	}
	openFile(t, filepath.Join(file, "model.gguf"), syscall.ENOTDIR)
	if _, err := OpenModel(background, file, OpenOptions{}); !errors.Is(err, ErrModel) || errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// Root may read everything, so that it is another user who is refused.
func TestForbiddenFile(t *testing.T) {
	if path := os.Getenv("ATTESTLM_TEST_FORBIDDEN"); path != "" {
		openFile(t, path, fs.ErrPermission)
		return
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := os.WriteFile(path, nil, 0); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 {
		openFile(t, path, fs.ErrPermission)
		return
	}
	// Through a descriptor: the other user may not look into the folder of this program.
	program, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	command := exec.Command("/proc/self/fd/3", "-test.run", "^TestForbiddenFile$", "-test.v")
	command.ExtraFiles = []*os.File{program}
	command.Env = append(os.Environ(), "ATTESTLM_TEST_FORBIDDEN="+path)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	said, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "--- PASS: TestForbiddenFile") {
		t.Errorf("%v: %s", err, said)
	}
}
