"""Tokens, and every shape in which one could be seen where it should not be."""

import base64

PIECE = 20


class Secrets:
    def __init__(self):
        self.tokens = []

    def add(self, token):
        if token not in self.tokens:
            self.tokens.append(token)
        return token

    def found_in(self, text):
        """Whether any of them is in these bytes, as it is or in Base64 as Basic has it."""
        return any(shape in text for token in self.tokens for shape in shapes(token))

    def partly_in(self, text):
        """Whether a piece of any of them is in this text: clients cut what is long."""
        pieces = {text[at : at + PIECE] for at in range(len(text) - PIECE + 1)}
        return any(token[at : at + PIECE] in pieces for token in self.tokens for at in range(len(token) - PIECE + 1))

    def hide(self, text):
        for token in self.tokens:
            text = text.replace(token, "$TOKEN")
        return text


def shapes(token):
    # The end of it, which is the signature's, and which no other token has.
    end = token.encode()[-48:]
    yield end
    for before in (b"", b"?", b"??"):
        # Its first and its last characters depend on what stands beside it.
        yield base64.b64encode(before + end)[4:-4]
