package attestlm

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// bigModel is the model abacus with so many zeros behind it that reading it takes a while.
func bigModel(t *testing.T) (path string, size uint64) {
	t.Helper()
	file, err := os.ReadFile("../../models/abacus/abacus-q8_0.gguf")
	if err != nil {
		t.Fatal(err)
	}
	path, size = filepath.Join(t.TempDir(), "model.gguf"), 1<<28
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(size)); err != nil {
		t.Fatal(err)
	}
	return path, size
}

// noneLeft compares the number of goroutines with what it was: one that ended may still be on its way out.
func noneLeft(t *testing.T, before int) {
	t.Helper()
	for range 50 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// endsWith makes a call whose context ends in the midst of it, before it, and by a deadline: it returns within 100 ms, and
// nothing of it is left.
func endsWith(t *testing.T, call func(context.Context) error) {
	t.Helper()
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(background)
	ended := make(chan time.Time, 1)
	time.AfterFunc(100*time.Millisecond, func() {
		ended <- time.Now()
		cancel()
	})
	if err := call(ctx); err != context.Canceled {
		t.Fatal(err)
	}
	late := time.Since(<-ended)
	t.Log(late)
	if late > 100*time.Millisecond {
		t.Errorf("%v late", late)
	}
	noneLeft(t, before)
	if err := call(ctx); err != context.Canceled {
		t.Error(err)
	}
	ctx, cancel = context.WithTimeout(background, 50*time.Millisecond)
	defer cancel()
	if err := call(ctx); err != context.DeadlineExceeded {
		t.Error(err)
	}
	noneLeft(t, before)
}

func TestContextEndsOpening(t *testing.T) {
	path, _ := bigModel(t)
	for name, options := range map[string]OpenOptions{"": {}, ", watched": {Progress: func(_, _ uint64) {}}} {
		t.Run("open"+name, func(t *testing.T) {
			endsWith(t, func(ctx context.Context) error {
				_, err := OpenModel(ctx, path, options)
				return err
			})
		})
		t.Run("check"+name, func(t *testing.T) {
			endsWith(t, func(ctx context.Context) error {
				_, err := CheckModel(ctx, path, options)
				return err
			})
		})
	}
}

// A replay ends at any moment of it, and tells of all its tokens when it does not.
func TestContextEndsAReplay(t *testing.T) {
	session, signer := newSession(t, Options{ContextTokens: 512}), newTestSigner(t)
	answer, err := session.Generate(background, Request{Prompt: "1", MaxTokens: 500, IgnoreEOG: true}, signer)
	if err != nil {
		t.Fatal(err)
	}
	receipt := answer.Receipt
	defer receipt.Close()
	var last, all uint64
	options := VerifyOptions{Model: theModel(t), Terms: Terms{Threads: 1}, Progress: func(done, total uint64) { last, all = done, total }}
	judge := func(ctx context.Context) error {
		report, err := receipt.Verify(ctx, options)
		if err == nil && report.Verdict.Name != Verified {
			t.Errorf("%+v", report)
		}
		return err
	}
	start := time.Now()
	if err := judge(background); err != nil {
		t.Fatal(err)
	}
	whole := time.Since(start)
	if expected := answer.PromptCount + 500 - 1; last != expected || all != expected { // the last token chose nothing
		t.Errorf("%d of %d tokens, not %d", last, all, expected)
	}
	before := runtime.NumGoroutine()
	var late []time.Duration
	const moments = 40
	for moment := range moments {
		if moment%2 == 0 {
			options.Progress = nil
		} else {
			options.Progress = func(_, _ uint64) {}
		}
		after := time.Duration(moment) * whole * 5 / 4 / moments
		ctx, cancel := context.WithTimeout(background, after)
		start := time.Now()
		if err := judge(ctx); err == context.DeadlineExceeded {
			late = append(late, time.Since(start)-after)
		} else if err != nil {
			t.Error(err)
		}
		cancel()
	}
	if len(late) < moments/4 {
		t.Fatalf("%d of %d ended", len(late), moments)
	}
	// One in ten may meet a machine that is busy elsewhere.
	slices.Sort(late)
	most := late[len(late)*9/10]
	t.Logf("%d of %d ended, %v late, the last %v; whole: %v", len(late), moments, most, late[len(late)-1], whole)
	if most > 100*time.Millisecond {
		t.Errorf("%v late", most)
	}
	noneLeft(t, before)
}

// Progress is told in the goroutine that opens, more and more of the file's size, and all of it at last.
func TestProgress(t *testing.T) {
	path, size := bigModel(t)
	for name, open := range map[string]func(OpenOptions) error{
		"open": func(options OpenOptions) error {
			model, err := OpenModel(background, path, options)
			model.Close()
			return err
		},
		"check": func(options OpenOptions) error {
			_, err := CheckModel(background, path, options)
			return err
		},
	} {
		before := runtime.NumGoroutine()
		var last uint64
		calls, returned := 0, false
		err := open(OpenOptions{Progress: func(done, total uint64) {
			if done <= last || total != size || returned || !strings.Contains(string(debug.Stack()), "TestProgress(") {
				t.Errorf("%s: %d of %d after %d", name, done, total, last)
			}
			last = done
			calls++
		}})
		returned = true
		if err != nil || last != size || calls < 3 {
			t.Errorf("%s: %d calls to %d: %v", name, calls, last, err)
		}
		noneLeft(t, before)
	}
	told := false
	if _, err := OpenModel(background, path+"x", OpenOptions{Progress: func(_, _ uint64) { told = true }}); !errors.Is(err, ErrIO) || told {
		t.Error(told, err)
	}
}

// What stops the function stops the call, and is its caller's.
func TestProgressPanics(t *testing.T) {
	path, size := bigModel(t)
	before := runtime.NumGoroutine()
	calls := 0
	func() {
		defer func() {
			if value := recover(); value != "on purpose" {
				t.Error(value)
			}
		}()
		_, err := OpenModel(background, path, OpenOptions{Progress: func(done, _ uint64) {
			calls++
			if done == size {
				t.Error("told only at the end")
			}
			panic("on purpose")
		}})
		t.Error(err)
	}()
	noneLeft(t, before)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, err := CheckModel(background, path, OpenOptions{Progress: func(_, _ uint64) {
			calls++
			runtime.Goexit()
		}})
		t.Error(err)
	}()
	<-ended
	noneLeft(t, before)
	if calls != 2 {
		t.Errorf("%d calls", calls)
	}
}

// A score ends by itself: its session's generation goes on to its end, and waits for nothing of it.
func TestScoreEndsAlone(t *testing.T) {
	session := newSession(t, Options{ContextTokens: 16384, Streams: 2})
	tokens := make([]uint32, 16000)
	for i := range tokens {
		tokens[i] = 70 + uint32(i%7)
	}
	generation, err := session.Start(background, Request{Prompt: "1", MaxTokens: 50, IgnoreEOG: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer generation.Close()
	endsWith(t, func(ctx context.Context) error {
		_, err := session.Score(ctx, Request{PromptTokens: tokens}, Continuation{Text: "1"}, nil)
		return err
	})
	start := time.Now()
	for err == nil {
		_, err = generation.Next(background)
	}
	answer, failed := generation.Answer(0)
	if failed != nil || len(answer.Tokens) != 50 {
		t.Fatalf("%+v: %v, %v", answer, err, failed)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("the generation took %v", took)
	}
}

// A score waits for a stream, and computes for those that have them.
func TestScoreWaitsForAStream(t *testing.T) {
	session := newSession(t, Options{})
	generation, err := session.Start(background, Request{Prompt: "1", MaxTokens: 20, IgnoreEOG: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer generation.Close()
	if _, err := generation.Next(background); err != nil {
		t.Fatal(err)
	}
	if _, err := session.Score(background, Request{Prompt: "2"}, Continuation{Text: "1"}, nil); err != nil {
		t.Error(err)
	}
	for err == nil {
		_, err = generation.Next(background)
	}
	if answer, err := generation.Answer(0); err != nil || len(answer.Tokens) != 20 {
		t.Errorf("%+v: %v", answer, err)
	}
}
