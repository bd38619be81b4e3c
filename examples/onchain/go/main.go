// A receipt on a chain: anchors it, or finds its anchor and has AttestLM check it and the steps it shows.
//
//	onchain anchor RECEIPT.json|BATCH.json
//	onchain check --signer ADDRESS --model HASH [--batch BATCH.json] RECEIPT.json
//
// RECEIPT.json may show steps (`attestlm steps prove`, `attestlm disclose`). BATCH.json: {"root", "receipts": [{"file", "digest",
// "proof"}]}. The chain is in ETH_RPC_URL, ATTESTLM_VERIFIER and ATTESTLM_REGISTRY, the compiled contracts are in
// ATTESTLM_CONTRACTS, and who pays for an anchor in ETH_PRIVATE_KEY. Exit status: 0 if everything holds, 1 if something does not,
// 2 for wrong usage.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"attestlm"
	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/accounts/abi/bind/v2"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/rpc"
)

// message is the struct that is signed, as Solidity has it.
type message struct {
	Kind        uint8
	Model       common.Hash
	Adapter     common.Hash
	Profile     common.Hash
	Sampler     common.Hash
	Seed        common.Hash
	Request     common.Hash
	Prompt      common.Hash
	Output      common.Hash
	Trace       common.Hash
	Steps       common.Hash
	PromptCount uint32
	OutputCount uint32
	Finish      uint8
	IssuedAt    uint64 `json:",string"`
	Context     common.Hash
	Signer      common.Address
}

type document struct {
	Message    message
	Signature  hexutil.Bytes
	Disclosure struct{ StepProofs []shownStep }
}

// terms is what a contract demands. Zero demands nothing.
type terms struct {
	Signer      common.Address
	Model       common.Hash
	Adapter     common.Hash
	Profile     common.Hash
	Sampler     common.Hash
	Context     common.Hash
	Scored      bool
	AllowPrefix bool
}

// shownStep is a step's proof in a document.
type shownStep struct {
	step
	Text    string
	TextHex hexutil.Bytes
}

type step struct {
	Count      uint32
	Index      uint32
	Kind       uint8
	FirstToken uint32
	EndToken   uint32
	Text       []byte `json:"-"`
	Salt       common.Hash
	Siblings   []common.Hash
}

type batch struct {
	Root     *common.Hash
	Receipts []struct {
		Digest common.Hash
		Proof  []common.Hash
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	sound, err := run(ctx, os.Args[1:])
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "onchain:", err)
		os.Exit(1)
	case !sound:
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: onchain anchor FILE | onchain check --signer ADDRESS --model HASH [--batch FILE] RECEIPT")

func run(ctx context.Context, arguments []string) (bool, error) {
	if len(arguments) == 0 {
		return false, errUsage
	}
	flags := flag.NewFlagSet(arguments[0], flag.ContinueOnError)
	signer := flags.String("signer", "", "whose receipt is expected")
	model := flags.String("model", "", "which model is expected")
	batchPath := flags.String("batch", "", "the batch that the receipt was anchored in")
	if flags.Parse(arguments[1:]) != nil {
		return false, errUsage
	}
	client, err := ethclient.DialContext(ctx, os.Getenv("ETH_RPC_URL"))
	if err != nil {
		return false, err
	}
	defer client.Close()
	chain := onChain{client: client}
	if err := chain.open(); err != nil {
		return false, err
	}
	switch {
	case arguments[0] == "anchor" && flags.NArg() == 1:
		return chain.anchor(ctx, flags.Arg(0))
	case arguments[0] == "check" && flags.NArg() == 1:
		demands := terms{}
		if demands.Signer.UnmarshalText([]byte(*signer)) != nil || demands.Model.UnmarshalText([]byte(*model)) != nil {
			return false, errUsage
		}
		return chain.check(ctx, flags.Arg(0), demands, *batchPath)
	}
	return false, errUsage
}

type onChain struct {
	client             *ethclient.Client
	attestlm, registry contract
}

type contract struct {
	*bind.BoundContract
	abi abi.ABI
}

func (c *onChain) open() (err error) {
	if c.attestlm, err = c.contract("ATTESTLM_VERIFIER", "AttestLM"); err != nil {
		return err
	}
	c.registry, err = c.contract("ATTESTLM_REGISTRY", "ReceiptRegistry")
	return err
}

func (c *onChain) contract(variable, name string) (contract, error) {
	var at common.Address
	if err := at.UnmarshalText([]byte(os.Getenv(variable))); err != nil {
		return contract{}, fmt.Errorf("%s: %w", variable, err)
	}
	var compiled struct{ ABI abi.ABI }
	if err := read(filepath.Join(os.Getenv("ATTESTLM_CONTRACTS"), name+".json"), &compiled); err != nil {
		return contract{}, err
	}
	return contract{bind.NewBoundContract(at, compiled.ABI, c.client, c.client, c.client), compiled.ABI}, nil
}

func read(path string, value any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, value)
}

func (c *onChain) anchor(ctx context.Context, path string) (bool, error) {
	var of batch
	if err := read(path, &of); err != nil {
		return false, err
	}
	if of.Root == nil {
		text, err := os.ReadFile(path)
		if err != nil {
			return false, err
		}
		receipt, err := attestlm.ParseReceipt(text)
		if err != nil {
			return false, err
		}
		defer receipt.Close()
		digest, err := receipt.Digest()
		if err != nil {
			return false, err
		}
		of.Root = (*common.Hash)(&digest)
	}
	key, err := crypto.HexToECDSA(strings.TrimPrefix(os.Getenv("ETH_PRIVATE_KEY"), "0x"))
	if err != nil {
		return false, fmt.Errorf("ETH_PRIVATE_KEY: %w", err)
	}
	id, err := c.client.ChainID(ctx)
	if err != nil {
		return false, err
	}
	options := bind.NewKeyedTransactor(key, id)
	options.Context = ctx
	sent, err := c.registry.Transact(options, "anchor", *of.Root)
	if err != nil {
		return false, err
	}
	mined, err := bind.WaitMined(ctx, c.client, sent.Hash())
	if err != nil {
		return false, err
	}
	status := "reverted"
	if mined.Status == types.ReceiptStatusSuccessful {
		status = "success"
	}
	fmt.Println("anchor   ", of.Root, status)
	return status == "success", nil
}

func (c *onChain) check(ctx context.Context, path string, demands terms, batchPath string) (bool, error) {
	var given document
	if err := read(path, &given); err != nil {
		return false, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	receipt, err := attestlm.ParseReceipt(text)
	if err != nil {
		return false, err
	}
	defer receipt.Close()
	sound := true
	say := func(name string, good bool, text string) {
		sound = sound && good
		fmt.Printf("%-9s %s\n", name, text)
	}

	// Without a chain: form, signature, what we expect, and the steps.
	signer, model := attestlm.Address(demands.Signer), attestlm.Hash(demands.Model)
	expected := attestlm.Terms{SignatureOnly: true, Signer: &signer, Model: &model}
	report, err := receipt.Verify(ctx, attestlm.VerifyOptions{Terms: expected})
	if err != nil {
		return false, err
	}
	digest, err := receipt.Digest()
	if err != nil {
		return false, err
	}
	say("receipt", true, common.Hash(digest).Hex())
	say("verdict", report.Verdict.Name == attestlm.Verified, report.Verdict.Name)

	// Its anchor: its own digest's, or that of a batch it is in.
	root, arguments := common.Hash(digest), []any{digest}
	if batchPath != "" {
		var of batch
		if err := read(batchPath, &of); err != nil {
			return false, err
		}
		if of.Root == nil {
			return false, fmt.Errorf("%s: no root", batchPath)
		}
		siblings := []common.Hash{}
		for _, member := range of.Receipts {
			if member.Digest == digest {
				siblings = member.Proof
			}
		}
		root, arguments = *of.Root, []any{digest, *of.Root, siblings}
	}
	events, err := c.client.FilterLogs(ctx, ethereum.FilterQuery{
		Addresses: []common.Address{c.registry.Address()},
		Topics:    [][]common.Hash{{c.registry.abi.Events["Anchored"].ID}, {root}},
	})
	if err != nil {
		return false, err
	}
	if len(events) > 0 {
		say("event", true, fmt.Sprintf("%s in block %d", lower(common.BytesToAddress(events[0].Topics[2][:])), events[0].BlockNumber))
	} else {
		say("event", false, "none")
	}
	var anchor []any
	anchorOf := c.registry.overload("anchorOf", len(arguments))
	if err := c.registry.Call(&bind.CallOpts{Context: ctx}, &anchor, anchorOf, arguments...); err != nil {
		return false, err
	}
	if by := anchor[0].(common.Address); by != (common.Address{}) {
		say("anchor", true, fmt.Sprintf("%s at %d", lower(by), anchor[1]))
	} else {
		say("anchor", false, "none")
	}

	// What a contract would ask.
	ask := func(name, method string, more ...any) error {
		good, text, err := c.ask(ctx, method, append([]any{given.Message, []byte(given.Signature), demands}, more...)...)
		if err == nil {
			say(name, good, text)
		}
		return err
	}
	if err := ask("check", "check"); err != nil {
		return false, err
	}
	for _, shown := range given.Disclosure.StepProofs {
		proof := shown.step
		proof.Text = append([]byte(shown.Text), shown.TextHex...)
		if err := ask(fmt.Sprintf("step %d", proof.Index), "checkStep", proof); err != nil {
			return false, err
		}
	}
	return sound, nil
}

// overload is go-ethereum's own name for the function with so many arguments: it numbers those that share one.
func (c contract) overload(name string, arguments int) string {
	for own, method := range c.abi.Methods {
		if method.RawName == name && len(method.Inputs) == arguments {
			return own
		}
	}
	return name
}

// ask gives what AttestLM answers, or the error that it refuses with.
func (c *onChain) ask(ctx context.Context, method string, arguments ...any) (bool, string, error) {
	var answer []any
	err := c.attestlm.Call(&bind.CallOpts{Context: ctx}, &answer, method, arguments...)
	if err == nil {
		return true, common.Hash(answer[0].([32]byte)).Hex(), nil
	}
	var reverted rpc.DataError
	if !errors.As(err, &reverted) {
		return false, "", err
	}
	data, undecoded := hexutil.Decode(fmt.Sprint(reverted.ErrorData()))
	if undecoded != nil || len(data) < 4 {
		return false, "", err
	}
	declared, unknown := c.attestlm.abi.ErrorByID([4]byte(data))
	if unknown != nil {
		return false, "", err
	}
	text := "refused: " + declared.Name
	if fields, err := declared.Inputs.Unpack(data[4:]); err == nil && len(fields) > 0 {
		name := fields[0].([32]byte)
		text += " " + string(bytes.TrimRight(name[:], "\x00"))
	}
	return false, text, nil
}

func lower(address common.Address) string { return strings.ToLower(address.Hex()) }
