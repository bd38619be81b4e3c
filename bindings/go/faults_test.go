//go:build attestlm_testing

package attestlm

import (
	"bytes"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestFaultsAreLinked(t *testing.T) {
	if !HasFeature("testing") {
		t.Fatal("the library that is linked was built without the feature testing")
	}
}

func panicked(t *testing.T, err error) {
	t.Helper()
	var found *Error
	if !errors.Is(err, ErrPanic) || !errors.As(err, &found) || found.Message == "" {
		t.Errorf("%#v", err)
	}
}

func testingObjectOf(t *testing.T, freed func()) *testingObject {
	t.Helper()
	object, err := newTestingObject(freed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(object.object.close)
	return object
}

// A panic breaks its object and no other, and is logged.
func TestPanicIsAnError(t *testing.T) {
	var lines bytes.Buffer
	handler := slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug - 4})
	if err := SetLogger(slog.New(handler), slog.LevelError); err != nil {
		t.Fatal(err)
	}
	panicked(t, testingPanic())
	if err := SetLogger(nil, slog.LevelError); err != nil {
		t.Fatal(err)
	}
	logged := lines.String()
	if !strings.Contains(logged, "level=ERROR") {
		t.Errorf("logged %q", logged)
	}
	object, other := testingObjectOf(t, func() {}), testingObjectOf(t, func() {})
	panicked(t, object.panic())
	_, err := object.add(1)
	panicked(t, err)
	panicked(t, object.hold(0))
	if sum, err := other.add(1); err != nil || sum != 1 {
		t.Error(sum, err)
	}
	if lines.String() != logged {
		t.Error("logged without a logger")
	}
}

func TestSharedBesideAlone(t *testing.T) {
	object := testingObjectOf(t, func() {})
	var held sync.WaitGroup
	for range 2 {
		held.Add(1)
		go func() {
			defer held.Done()
			if err := object.hold(300); err != nil {
				t.Error(err)
			}
		}()
	}
	time.Sleep(100 * time.Millisecond)
	if _, err := object.add(5); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
	held.Wait()
	if sum, err := object.add(5); err != nil || sum != 5 {
		t.Error(sum, err)
	}
}

// What a call uses is freed when the call ends, once, whoever closes it and how often.
func TestCloseBesideACall(t *testing.T) {
	var freed atomic.Int32
	object := testingObjectOf(t, func() { freed.Add(1) })
	held := make(chan error)
	go func() { held <- object.hold(300) }()
	time.Sleep(100 * time.Millisecond)
	object.object.close()
	object.object.close()
	if freed.Load() != 0 {
		t.Error("freed under a call")
	}
	if _, err := object.add(1); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := <-held; err != nil {
		t.Error(err)
	}
	if freed.Load() != 1 {
		t.Errorf("freed %d times", freed.Load())
	}
}

func TestCollectedIsClosed(t *testing.T) {
	freed := make(chan struct{}, 1)
	func() {
		if _, err := newTestingObject(func() { freed <- struct{}{} }); err != nil {
			t.Fatal(err)
		}
	}()
	for range 100 {
		runtime.GC()
		select {
		case <-freed:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Error("not freed")
}
