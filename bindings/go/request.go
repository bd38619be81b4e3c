package attestlm

import "encoding/json"

// Request says what to generate; docs/request.md has it field by field. What is left out has the value stated there.
// Exactly one of Messages, Prompt and PromptTokens is the input.
//
// Real numbers are decimal texts of at most six places, as a receipt holds them: Temperature: "0.7".
type Request struct {
	// JSON, if not nil, is the whole request, handed in as it is: the other fields are not looked at.
	JSON json.RawMessage `json:"-"`

	Messages     []Message       `json:"messages,omitempty"`
	Prompt       string          `json:"prompt,omitempty"`
	PromptTokens []uint32        `json:"promptTokens,omitempty"`
	Tools        json.RawMessage `json:"tools,omitempty"`
	Date         string          `json:"date,omitempty"` // YYYY-MM-DD
	ParseSpecial bool            `json:"parseSpecial,omitempty"`

	Temperature      json.Number            `json:"temperature,omitempty"`
	TopK             uint32                 `json:"topK,omitempty"`
	TopP             json.Number            `json:"topP,omitempty"`
	MinP             json.Number            `json:"minP,omitempty"`
	RepeatPenalty    json.Number            `json:"repeatPenalty,omitempty"`
	PresencePenalty  json.Number            `json:"presencePenalty,omitempty"`
	FrequencyPenalty json.Number            `json:"frequencyPenalty,omitempty"`
	PenaltyWindow    *uint32                `json:"penaltyWindow,omitempty"`
	LogitBias        map[uint32]json.Number `json:"logitBias,omitempty"`
	Bans             []uint32               `json:"bans,omitempty"`
	Stop             []string               `json:"stop,omitempty"`
	Schema           json.RawMessage        `json:"schema,omitempty"`  // a JSON schema, without its spaces
	Grammar          string                 `json:"grammar,omitempty"` // GBNF
	IgnoreEOG        bool                   `json:"ignoreEog,omitempty"`
	MaxTokens        uint32                 `json:"maxTokens,omitempty"`
	ContextTokens    uint32                 `json:"contextTokens,omitempty"`
	Choices          uint32                 `json:"choices,omitempty"`
	Logprobs         *uint32                `json:"logprobs,omitempty"` // 0 to 20: how many of the likeliest tokens, beside each

	Seed           string  `json:"seed,omitempty"` // 0x and 64 hex digits, a decimal number below 2^64, or "random"
	SeedRule       uint32  `json:"seedRule,omitempty"`
	ClientEntropy  *Hash   `json:"clientEntropy,omitempty"`
	ProviderSecret *Hash   `json:"providerSecret,omitempty"`
	Beacon         *Hash   `json:"beacon,omitempty"`
	Nonce          *Hash   `json:"nonce,omitempty"`
	Context        *Hash   `json:"context,omitempty"`
	Domain         *Domain `json:"domain,omitempty"`
	IssuedAt       uint64  `json:"issuedAt,omitempty,string"` // Unix seconds
}

// Message is one of a chat.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Domain is the contract that a receipt is for.
type Domain struct {
	ChainID           uint64  `json:"chainId"`
	VerifyingContract Address `json:"verifyingContract"`
}

// text is the request as the library takes it.
func (r *Request) text() ([]byte, error) {
	if r.JSON != nil {
		return r.JSON, nil
	}
	return encode("request", r)
}
