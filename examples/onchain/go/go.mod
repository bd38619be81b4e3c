module onchain

go 1.25.0

require (
	attestlm v0.0.0
	github.com/ethereum/go-ethereum v1.17.10
)

replace attestlm => ../../../bindings/go
