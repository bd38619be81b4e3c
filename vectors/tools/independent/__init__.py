"""sampler-1 and receipt-1, written from the texts in docs/spec/ and Python's standard library alone.

It shares no code with the reference programs that write the vectors, so that an error in one of them does
not confirm itself.
"""
