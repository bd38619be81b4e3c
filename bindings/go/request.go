package attestlm

import (
	"bytes"
	"encoding/json"
	"reflect"
)

// Request says what to generate. What is left out has the value that the comments state, or is off. Exactly one of Messages,
// Prompt and PromptTokens is the input.
//
// Real numbers are decimal texts of at most six places, as a receipt holds them: Temperature: "0.7". Texts are UTF-8: what is
// not is refused.
//
// A server decodes a client's request with encoding/json: see [Request.UnmarshalJSON].
type Request struct {
	// JSON, if not nil, is the whole request, handed in as it is, and every other field must be left out.
	JSON json.RawMessage `json:"-"`

	Messages     []Message       `json:"messages,omitempty"`     // rendered with the model's chat template
	Prompt       string          `json:"prompt,omitempty"`       // tokenized as it is
	PromptTokens []uint32        `json:"promptTokens,omitempty"` // ids
	Tools        json.RawMessage `json:"tools,omitempty"`        // any JSON, handed to the chat template
	Date         string          `json:"date,omitempty"`         // YYYY-MM-DD, handed to the chat template
	ParseSpecial bool            `json:"parseSpecial,omitempty"` // reads control tokens in contents, which are refused else

	Temperature      json.Number            `json:"temperature,omitempty"` // 0 to 100; 0, if left out: greedy
	TopK             uint32                 `json:"topK,omitempty"`
	TopP             json.Number            `json:"topP,omitempty"`
	MinP             json.Number            `json:"minP,omitempty"`
	RepeatPenalty    json.Number            `json:"repeatPenalty,omitempty"`
	PresencePenalty  json.Number            `json:"presencePenalty,omitempty"`
	FrequencyPenalty json.Number            `json:"frequencyPenalty,omitempty"`
	PenaltyWindow    *uint32                `json:"penaltyWindow,omitempty"` // 64 tokens if left out
	LogitBias        map[uint32]json.Number `json:"logitBias,omitempty"`     // by token id
	Bans             []uint32               `json:"bans,omitempty"`          // token ids
	Stop             []string               `json:"stop,omitempty"`          // texts that end the answer
	Schema           json.RawMessage        `json:"schema,omitempty"`        // a JSON schema, without its spaces
	Grammar          string                 `json:"grammar,omitempty"`       // GBNF, instead of a schema
	IgnoreEOG        bool                   `json:"ignoreEog,omitempty"`     // goes on at an end-of-generation token
	MaxTokens        uint32                 `json:"maxTokens,omitempty"`     // of the output; 256 if left out
	ContextTokens    uint32                 `json:"contextTokens,omitempty"` // of prompt and output; the session's if left out
	Choices          uint32                 `json:"choices,omitempty"`       // answers to draw, 1 (if left out) to 64
	Steps            *Markers               `json:"steps,omitempty"`         // of reasoning, which is cut into steps; the model's if left out
	Logprobs         *uint32                `json:"logprobs,omitempty"`      // 0 to 20: how many of the likeliest tokens, beside each

	// 0x and 64 hex digits, a decimal number below 2^64, or "random" (if left out, above temperature 0).
	Seed           string   `json:"seed,omitempty"`
	SeedRule       uint32   `json:"seedRule,omitempty"` // 1 with ClientEntropy and ProviderSecret, 2 with Beacon
	ClientEntropy  *Hash    `json:"clientEntropy,omitempty"`
	ProviderSecret *Hash    `json:"providerSecret,omitempty"`
	Beacon         *Hash    `json:"beacon,omitempty"`
	Nonce          *Hash    `json:"nonce,omitempty"`           // not zero: salts every commitment; random if left out
	Context        *Context `json:"context,omitempty"`         // what the receipt is for
	Domain         *Domain  `json:"domain,omitempty"`          // the contract that the receipt is for
	IssuedAt       uint64   `json:"issuedAt,omitempty,string"` // Unix seconds; the time of signing if left out
}

// Message is one of a chat.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Markers are what opens reasoning and what closes it. Empty ones cut an output into no steps: the whole is the answer.
type Markers struct {
	Open, Close string
}

// MarshalJSON writes false, or the two texts.
func (m Markers) MarshalJSON() ([]byte, error) {
	if m == (Markers{}) {
		return []byte("false"), nil
	}
	return encode("steps", []string{m.Open, m.Close})
}

// UnmarshalJSON reads what [Markers.MarshalJSON] writes. Errors: [ErrArgument].
func (m *Markers) UnmarshalJSON(text []byte) error {
	var pair []string
	switch {
	case string(text) == "false":
		*m = Markers{}
	case json.Unmarshal(text, &pair) == nil && len(pair) == 2:
		*m = Markers{pair[0], pair[1]}
	default:
		return &Error{ErrArgument, "steps", "false or two texts are expected"}
	}
	return nil
}

// Domain is the contract that a receipt is for.
type Domain struct {
	ChainID           uint64  `json:"chainId"`
	VerifyingContract Address `json:"verifyingContract"`
}

// Context is what a receipt is for: a hash whose inputs are known elsewhere, or the inputs.
type Context struct {
	Hash   Hash
	Inputs *ContextInputs // what is hashed, instead of Hash
}

// MarshalJSON writes the hash, or the inputs.
func (c Context) MarshalJSON() ([]byte, error) {
	if c.Inputs != nil {
		return encode("context", c.Inputs)
	}
	return encode("context", c.Hash)
}

// UnmarshalJSON reads what [Context.MarshalJSON] writes. Errors: [ErrArgument].
func (c *Context) UnmarshalJSON(text []byte) error {
	var read Context
	var err error
	if bytes.HasPrefix(text, []byte("{")) {
		err = json.Unmarshal(text, &read.Inputs)
	} else {
		err = json.Unmarshal(text, &read.Hash)
	}
	if err != nil {
		return &Error{ErrArgument, "context", "a hash or its inputs are expected"}
	}
	*c = read
	return nil
}

// ContextInputs are a job, and the receipt that another follows; what has no use is zero. A receipt that follows another names
// its [Receipt.Digest].
type ContextInputs struct {
	ChainID        uint64  `json:"chainId"`
	Contract       Address `json:"contract"`
	JobID          Hash    `json:"jobId"`
	PreviousDigest Hash    `json:"previousDigest"`
}

// UnmarshalJSON keeps the text as it is in JSON, since numbers and the order of members count in what a receipt commits to.
// The library reads it when the request is used: it takes whatever docs/request.md allows, a number as the seed too, and
// refuses an unknown field with [ErrArgument]. The other fields stay empty.
func (r *Request) UnmarshalJSON(text []byte) error {
	*r = Request{JSON: bytes.Clone(text)}
	return nil
}

// MarshalJSON gives what is handed to the library. json.Marshal, which calls it, takes the spaces out of that and escapes <, >
// and &: the same request, but for the text of a schema, which a receipt commits to. To keep that, send what this gives.
func (r Request) MarshalJSON() ([]byte, error) {
	return r.text()
}

// requestFields are the fields without the methods.
type requestFields Request

// text is the request as the library takes it.
func (r *Request) text() ([]byte, error) {
	if r.JSON == nil {
		return encode("request", (*requestFields)(r))
	}
	rest := *r
	rest.JSON = nil
	if !reflect.ValueOf(rest).IsZero() {
		return nil, &Error{ErrArgument, "request", "has JSON and other fields, of which one counts"}
	}
	return r.JSON, nil
}
