//! Rules of tokens, through `Tokens` alone.
