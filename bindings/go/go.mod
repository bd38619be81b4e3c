module attestlm

// iter.Seq2, which Session.Stream gives, came with 1.23.
go 1.23
