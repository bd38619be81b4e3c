// Asks the bundled model a question, prints the answer as it comes and the signed receipt, and has the receipt judged as
// a stranger would.
//
//	quickstart [REQUEST.json [KEYSTORE.json]]
//
// REQUEST.json: docs/request.md. The keystore's password is taken from ATTESTLM_PASSWORD; without one the receipt is
// signed with a fresh key. The answer goes to standard error, the receipt to standard output.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"

	"attestlm"
)

var question = attestlm.Request{
	Messages: []attestlm.Message{{Role: "user", Content: "Tom has 12 apples. Anna gives him 7 more. He eats 5 apples. " +
		"How many apples does Tom have now?"}},
	Temperature: "0.7",
	Seed:        "7",
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	request := question
	if len(arguments) > 0 {
		text, err := os.ReadFile(arguments[0])
		if err != nil {
			return err
		}
		request = attestlm.Request{JSON: text}
	}
	model, err := attestlm.BundledModel()
	if err != nil {
		return err
	}
	defer model.Close()
	session, err := model.NewSession(attestlm.Options{})
	if err != nil {
		return err
	}
	defer session.Close()
	signer, err := signer(arguments)
	if err != nil {
		return err
	}
	defer signer.Close()

	// The answer, event by event.
	events := json.NewEncoder(os.Stderr)
	var document []byte
	for event, err := range session.Stream(ctx, request, signer) {
		if err != nil {
			return err
		}
		if err := events.Encode(event); err != nil {
			return err
		}
		if event.Answer != nil && event.Choice == 0 {
			// The signed receipt, as any verifier takes it.
			document, err = event.Answer.Receipt.JSON(true)
			event.Answer.Receipt.Close()
			if err != nil {
				return err
			}
		}
	}
	if _, err := os.Stdout.Write(document); err != nil {
		return err
	}

	// Somebody else reads and judges it.
	receipt, err := attestlm.ParseReceipt(document)
	if err != nil {
		return err
	}
	defer receipt.Close()
	report, err := receipt.Verify(ctx, attestlm.VerifyOptions{Model: model, Request: &request})
	if err != nil {
		return err
	}
	return events.Encode(report)
}

func signer(arguments []string) (*attestlm.Signer, error) {
	if len(arguments) < 2 {
		return attestlm.NewRandomSigner()
	}
	keystore, err := os.ReadFile(arguments[1])
	if err != nil {
		return nil, err
	}
	return attestlm.NewKeystoreSigner(keystore, os.Getenv("ATTESTLM_PASSWORD"))
}
