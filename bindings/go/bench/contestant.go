// The contestant "Go" of `bench --only bindings`: the stream of ffi/bench/contestant.c through the binding. Speaks the
// protocol of benches/protocol.rs.
//
//	contestant MODEL THREADS CONTEXT_TOKENS REQUEST      an empty MODEL is the bundled one
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"attestlm"
)

const sessions = 2

type contestant struct {
	request  attestlm.Request
	signer   *attestlm.Signer
	sessions []*attestlm.Session
}

type command struct {
	Do       string
	Sessions int
	Forget   bool // read the prompt anew
}

type reply struct {
	Milliseconds float64   `json:"ms"`
	Times        []float64 `json:"times"`
	Receipts     []string  `json:"receipts"`
}

// outcome is what a stream gave.
type outcome struct {
	times   []float64 // milliseconds from the beginning to each event, and to the end
	receipt *attestlm.Receipt
	err     error
}

func main() {
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "contestant:", err)
		os.Exit(1)
	}
}

func serve(arguments []string) error {
	// A context that can end, as programs have.
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	c, err := load(ctx, arguments)
	if err != nil {
		return err
	}
	replies := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var asked command
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			return err
		}
		if asked.Do == "quit" {
			break
		}
		var answer any
		if answer, err = c.answer(ctx, asked); err != nil {
			answer = map[string]string{"error": err.Error()}
		}
		if err := replies.Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func load(ctx context.Context, arguments []string) (*contestant, error) {
	if len(arguments) != 4 {
		return nil, errors.New("MODEL THREADS CONTEXT_TOKENS REQUEST")
	}
	threads, failed := strconv.ParseUint(arguments[1], 10, 32)
	tokens, failedToo := strconv.ParseUint(arguments[2], 10, 32)
	if err := errors.Join(failed, failedToo); err != nil {
		return nil, err
	}
	open := attestlm.BundledModel
	if path := arguments[0]; path != "" {
		open = func() (*attestlm.Model, error) { return attestlm.OpenModel(ctx, path, attestlm.OpenOptions{}) }
	}
	model, err := open()
	if err != nil {
		return nil, err
	}
	c := &contestant{request: attestlm.Request{JSON: []byte(arguments[3])}}
	if c.signer, err = attestlm.NewKeySigner(bytes.Repeat([]byte{0x46}, 32)); err != nil {
		return nil, err
	}
	for range sessions {
		session, err := model.NewSession(attestlm.Options{Threads: uint32(threads), ContextTokens: uint32(tokens)})
		if err != nil {
			return nil, err
		}
		c.sessions = append(c.sessions, session)
	}
	return c, nil
}

// answer makes one stream, or several in goroutines of their own.
func (c *contestant) answer(ctx context.Context, asked command) (*reply, error) {
	if asked.Do != "stream" || asked.Sessions < 1 || asked.Sessions > sessions {
		return nil, errors.New("no such command")
	}
	for _, session := range c.sessions[:asked.Sessions] {
		if !asked.Forget {
			break
		}
		if err := session.Forget(ctx); err != nil {
			return nil, err
		}
	}
	begun := time.Now()
	outcomes := []outcome{}
	if asked.Sessions == 1 {
		outcomes = append(outcomes, c.stream(ctx, c.sessions[0]))
	} else {
		ended := make(chan outcome)
		for _, session := range c.sessions[:asked.Sessions] {
			go func() { ended <- c.stream(ctx, session) }()
		}
		for range asked.Sessions {
			outcomes = append(outcomes, <-ended)
		}
	}
	answer := &reply{Milliseconds: since(begun), Times: outcomes[0].times}
	for _, outcome := range outcomes {
		if outcome.err != nil {
			return nil, outcome.err
		}
		document, err := outcome.receipt.JSON(true)
		if err != nil {
			return nil, err
		}
		outcome.receipt.Close()
		answer.Receipts = append(answer.Receipts, string(document))
	}
	return answer, nil
}

// stream is the request, from its queueing to its answer and receipt.
func (c *contestant) stream(ctx context.Context, session *attestlm.Session) outcome {
	begun := time.Now()
	var found outcome
	for event, err := range session.Stream(ctx, c.request, c.signer) {
		if err != nil {
			return outcome{err: err}
		}
		if event.Answer != nil {
			found.receipt = event.Answer.Receipt
		}
		found.times = append(found.times, since(begun))
	}
	found.times = append(found.times, since(begun))
	if found.receipt == nil {
		found.err = errors.New("no receipt")
	}
	return found
}

// since is in milliseconds.
func since(begun time.Time) float64 {
	return time.Since(begun).Seconds() * 1e3
}
