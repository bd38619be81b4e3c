package attestlm

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// exiting is a handler that ends its goroutine.
type exiting struct{ slog.Handler }

func (exiting) Enabled(context.Context, slog.Level) bool  { return true }
func (exiting) Handle(context.Context, slog.Record) error { runtime.Goexit(); return nil }

// A handler that ends its goroutine ends the process, and says why: the next call would hang.
func TestLoggerExits(t *testing.T) {
	if os.Getenv("ATTESTLM_TEST_GOEXIT") != "" {
		if err := SetLogger(slog.New(exiting{}), slog.LevelDebug-4); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				model, err := BundledModel()
				if err != nil {
					t.Error(err)
					return
				}
				defer model.Close()
				session, err := model.NewSession(Options{})
				if err != nil {
					t.Error(err)
					return
				}
				defer session.Close()
				_, err = session.Generate(background, Request{Prompt: "1", MaxTokens: 1}, nil)
				t.Error(err)
			}()
			<-ended
		}
		return
	}
	ctx, cancel := context.WithTimeout(background, 20*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, os.Args[0], "-test.run", "^TestLoggerExits$")
	command.Env = append(os.Environ(), "ATTESTLM_TEST_GOEXIT=1")
	said, err := command.CombinedOutput()
	if err == nil || ctx.Err() != nil || !strings.Contains(string(said), "a slog.Handler called runtime.Goexit") {
		t.Errorf("%v: %s", err, said)
	}
}
