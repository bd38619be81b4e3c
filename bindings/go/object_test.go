package attestlm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// Every method of everything that was closed is an error; closing again is none.
func TestUseAfterClose(t *testing.T) {
	model, err := BundledModel()
	if err != nil {
		t.Fatal(err)
	}
	session, err := model.NewSession(Options{})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := NewRandomSigner()
	if err != nil {
		t.Fatal(err)
	}
	generation, err := session.Start(background, Request{Prompt: "1", MaxTokens: 2}, signer)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := session.Generate(background, Request{Prompt: "1", MaxTokens: 2}, signer)
	if err != nil {
		t.Fatal(err)
	}
	receipt := answer.Receipt
	// Parents first: what was made of them lives on.
	for _, closer := range []io.Closer{model, session, signer} {
		for range 2 {
			if err := closer.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	for {
		_, err := generation.Next(background)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := receipt.JSON(true); err != nil {
		t.Error(err)
	}
	for range 2 {
		generation.Close()
		receipt.Close()
	}
	live := theModel(t)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	adapter := &Adapter{}
	adapter.Close()
	for name, call := range map[string]func() error{
		"Model.Info":            func() error { _, err := model.Info(); return err },
		"Model.NewSession":      func() error { _, err := model.NewSession(Options{}); return err },
		"Model.OpenAdapter":     func() error { _, err := model.OpenAdapter("x"); return err },
		"NewSession, adapter":   func() error { _, err := live.NewSession(Options{Adapter: adapter}); return err },
		"Adapter.SHA256":        func() error { _, err := adapter.SHA256(); return err },
		"Session.Info":          func() error { _, err := session.Info(); return err },
		"Session.Start":         func() error { _, err := session.Start(background, Request{Prompt: "1"}, nil); return err },
		"Session.Generate":      func() error { _, err := session.Generate(background, Request{Prompt: "1"}, nil); return err },
		"Session.Generate, ctx": func() error { _, err := session.Generate(ctx, Request{Prompt: "1"}, nil); return err },
		"Session.Score": func() error {
			_, err := session.Score(ctx, Request{Prompt: "1"}, Continuation{Text: "1"}, nil)
			return err
		},
		"Session.Forget": func() error { return session.Forget(background) },
		"Session.Cancel": session.Cancel,
		"Start, signer": func() error {
			_, err := newSession(t, Options{}).Start(background, Request{Prompt: "1"}, signer)
			return err
		},
		"Generation.Next":       func() error { _, err := generation.Next(background); return err },
		"Generation.Poll":       func() error { _, _, err := generation.Poll(0); return err },
		"Generation.Cancel":     generation.Cancel,
		"Generation.Answer":     func() error { _, err := generation.Answer(0); return err },
		"Generation.Receipt":    func() error { _, err := generation.Receipt(0); return err },
		"Generation.ProveToken": func() error { _, err := generation.ProveToken(0, 0, true); return err },
		"Signer.Address":        func() error { _, err := signer.Address(); return err },
		"Signer.Keystore":       func() error { _, err := signer.Keystore("x"); return err },
		"Receipt.JSON":          func() error { _, err := receipt.JSON(true); return err },
		"Receipt.TypedData":     func() error { _, err := receipt.TypedData(); return err },
		"Receipt.Digest":        func() error { _, err := receipt.Digest(); return err },
		"Receipt.Signer":        func() error { _, err := receipt.Signer(); return err },
		"Receipt.Sign":          func() error { return receipt.Sign(make([]byte, 65)) },
		"Receipt.SignAsWallet":  func() error { return receipt.SignAsWallet(make([]byte, 65)) },
		"Receipt.Verify":        func() error { _, err := receipt.Verify(background, VerifyOptions{}); return err },
		"Receipt.ProveStep":     func() error { _, err := receipt.ProveStep(0); return err },
		"Receipt.Redact":        func() error { _, err := receipt.Redact(0); return err },
		"Receipt.CheckProof":    func() error { return receipt.CheckProof([]byte("{}")) },
		"Receipt.CheckFollows":  func() error { return receipt.CheckFollows(receipt) },
	} {
		if err := call(); !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What was never made, nil or zero, is as what was closed: among it the receipt of an answer without a signer.
func TestUseOfNothing(t *testing.T) {
	answer, err := newSession(t, Options{}).Generate(background, Request{Prompt: "1", MaxTokens: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	live, ctx := theModel(t), background
	request := Request{Prompt: "1", MaxTokens: 1}
	for name, none := range map[string]struct {
		model      *Model
		adapter    *Adapter
		session    *Session
		generation *Generation
		receipt    *Receipt
		signer     *Signer
	}{
		"nil":  {receipt: answer.Receipt},
		"zero": {&Model{}, &Adapter{}, &Session{}, &Generation{}, &Receipt{}, &Signer{}},
	} {
		for method, call := range map[string]func() error{
			"Model.Info":            func() error { _, err := none.model.Info(); return err },
			"Model.NewSession":      func() error { _, err := none.model.NewSession(Options{}); return err },
			"Model.OpenAdapter":     func() error { _, err := none.model.OpenAdapter("x"); return err },
			"Adapter.SHA256":        func() error { _, err := none.adapter.SHA256(); return err },
			"Session.Info":          func() error { _, err := none.session.Info(); return err },
			"Session.Start":         func() error { _, err := none.session.Start(ctx, request, nil); return err },
			"Session.Generate":      func() error { _, err := none.session.Generate(ctx, request, nil); return err },
			"Session.GenerateAll":   func() error { _, err := none.session.GenerateAll(ctx, request, nil); return err },
			"Session.Score":         func() error { _, err := none.session.Score(ctx, request, Continuation{Text: "1"}, nil); return err },
			"Session.Forget":        func() error { return none.session.Forget(ctx) },
			"Session.Cancel":        func() error { return none.session.Cancel() },
			"Generation.Next":       func() error { _, err := none.generation.Next(ctx); return err },
			"Generation.Poll":       func() error { _, _, err := none.generation.Poll(0); return err },
			"Generation.Cancel":     func() error { return none.generation.Cancel() },
			"Generation.Answer":     func() error { _, err := none.generation.Answer(0); return err },
			"Generation.Receipt":    func() error { _, err := none.generation.Receipt(0); return err },
			"Generation.ProveToken": func() error { _, err := none.generation.ProveToken(0, 0, true); return err },
			"Signer.Address":        func() error { _, err := none.signer.Address(); return err },
			"Signer.Keystore":       func() error { _, err := none.signer.Keystore("x"); return err },
			"Receipt.JSON":          func() error { _, err := none.receipt.JSON(true); return err },
			"Receipt.TypedData":     func() error { _, err := none.receipt.TypedData(); return err },
			"Receipt.Digest":        func() error { _, err := none.receipt.Digest(); return err },
			"Receipt.Signer":        func() error { _, err := none.receipt.Signer(); return err },
			"Receipt.Sign":          func() error { return none.receipt.Sign(make([]byte, 65)) },
			"Receipt.Verify":        func() error { _, err := none.receipt.Verify(ctx, VerifyOptions{Model: live}); return err },
			"Receipt.ProveStep":     func() error { _, err := none.receipt.ProveStep(0); return err },
			"Receipt.CheckProof":    func() error { return none.receipt.CheckProof([]byte("{}")) },
		} {
			ended := make(chan error, 1)
			go func() {
				defer func() {
					if value := recover(); value != nil {
						ended <- fmt.Errorf("panic: %v", value)
					}
				}()
				ended <- call()
			}()
			select {
			case err := <-ended:
				if !errors.Is(err, ErrClosed) {
					t.Errorf("%s %s: %v", name, method, err)
				}
			case <-time.After(10 * time.Second):
				t.Errorf("%s %s hangs", name, method)
			}
		}
		for _, closer := range []io.Closer{none.model, none.adapter, none.session, none.generation, none.receipt, none.signer} {
			if err := closer.Close(); err != nil {
				t.Error(err)
			}
		}
		_, err := newSession(t, Options{}).Start(ctx, request, &Signer{})
		if !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}
}

// Everything is closed while it is at work, from other goroutines, in changing orders.
func TestCloseAtAnyTime(t *testing.T) {
	for round := range 30 {
		model, err := BundledModel()
		if err != nil {
			t.Fatal(err)
		}
		session, err := model.NewSession(Options{Streams: 4})
		if err != nil {
			t.Fatal(err)
		}
		signer, err := NewRandomSigner()
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 4 {
			all.Add(1)
			go func() {
				defer all.Done()
				for {
					generation, err := session.Start(background, Request{Prompt: "1", MaxTokens: 5, IgnoreEOG: true}, signer)
					if err != nil {
						if !errors.Is(err, ErrClosed) {
							t.Error(err)
						}
						return
					}
					go generation.Close()
					for err == nil {
						_, err = generation.Next(background)
					}
					if err != io.EOF && !errors.Is(err, ErrClosed) {
						t.Error(err)
						return
					}
				}
			}()
		}
		closers := []io.Closer{model, session, signer}
		time.Sleep(time.Duration(round) * time.Millisecond / 3)
		for i := range closers {
			all.Add(1)
			go func() {
				defer all.Done()
				closers[(i+round)%len(closers)].Close()
				session.Close()
			}()
		}
		all.Wait()
	}
}

// A Next that waits returns when its generation is closed.
func TestCloseWakesNext(t *testing.T) {
	generation, err := newSession(t, Options{ContextTokens: 16384}).Start(background, Request{Prompt: "1", MaxTokens: 16000, IgnoreEOG: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		for {
			if _, err := generation.Next(background); err != nil {
				ended <- err
				return
			}
		}
	}()
	time.Sleep(50 * time.Millisecond)
	start := time.Now()
	generation.Close()
	if err := <-ended; err != io.EOF && !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if late := time.Since(start); late > 100*time.Millisecond {
		t.Errorf("%v late", late)
	}
}

// A process that ends with live objects, a generation and a score at work among them, ends well and says nothing.
func TestExitWithLiveObjects(t *testing.T) {
	if os.Getenv("ATTESTLM_TEST_EXIT") != "" {
		exitWithLiveObjects(t)
	}
	for range 3 {
		command := exec.Command(os.Args[0], "-test.run", "^TestExitWithLiveObjects$")
		command.Env = append(os.Environ(), "ATTESTLM_TEST_EXIT=1")
		var said bytes.Buffer
		command.Stdout, command.Stderr = &said, &said
		ctx, cancel := context.WithTimeout(background, 20*time.Second)
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		stop := context.AfterFunc(ctx, func() { _ = command.Process.Kill() })
		if err := command.Wait(); err == nil || command.ProcessState.ExitCode() != 7 || said.Len() != 0 {
			t.Errorf("%v: %s", err, said.String())
		}
		stop()
		cancel()
	}
}

func exitWithLiveObjects(t *testing.T) {
	session := newSession(t, Options{ContextTokens: 4096, Streams: 3})
	signer := newTestSigner(t)
	began := make(chan struct{}, 3)
	for range 2 {
		go func() {
			generation, err := session.Start(background, Request{Prompt: "1", MaxTokens: 4000, IgnoreEOG: true}, nil)
			if err != nil {
				os.Exit(1)
			}
			for err == nil {
				_, err = generation.Next(background)
				select {
				case began <- struct{}{}:
				default:
				}
			}
		}()
	}
	go func() { _, _ = session.Score(background, Request{Prompt: "1"}, Continuation{Text: "2"}, signer) }()
	<-began
	<-began
	os.Exit(7)
}
