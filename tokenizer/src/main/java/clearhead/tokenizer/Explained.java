package clearhead.tokenizer;

import java.util.List;

/// How a text became ids: its pieces (pre-tokens), the merges inside each piece in the order in
/// which they were done, and the tokens with their places in the text.
///
/// Byte offsets count UTF-8 bytes of the text, char offsets index `text` as a Java string (UTF-16),
/// both half open. A token that holds only part of a character has the chars of the whole one. Added
/// tokens (beginning, end) and characters that only the vocabulary put in (a first space) are empty
/// spans.
///
/// @param text the text that was given, in Unicode's normal form if the vocabulary asks for one
/// @param pieces in order of the text
public record Explained(String text, List<Piece> pieces) {

    /// Where a piece comes from.
    public enum Kind {
        /// Ordinary text, cut off by the split rule.
        TEXT,
        /// A token that was found in the text by name.
        NAMED,
        /// A token that is not in the text: beginning or end of sequence.
        ADDED
    }

    /// One pre-token: merges never cross its ends.
    ///
    /// @param kind where it comes from
    /// @param bytes what the merges started from: the piece after the vocabulary's own normalisation
    /// @param parts the bytes of every symbol before the first merge; single bytes for byte-level
    ///     vocabularies, characters for SentencePiece; empty where there are no merges
    /// @param merges in the order in which they were done
    /// @param whole whether the vocabulary holds the piece as a whole and the merges were not asked;
    ///     they are listed all the same
    /// @param tokens the result
    public record Piece(
            Kind kind,
            int byteStart,
            int byteEnd,
            int charStart,
            int charEnd,
            byte[] bytes,
            List<byte[]> parts,
            List<Merge> merges,
            boolean whole,
            List<Token> tokens) {}

    /// Two neighbours became one.
    ///
    /// @param at index of the left neighbour among the symbols as they are before this merge; the
    ///     right one is at `at + 1`, and afterwards the new symbol is at `at`
    /// @param left bytes of the left symbol
    /// @param right bytes of the right symbol
    /// @param rank the merge's place in the vocabulary's list: the lowest rank goes first, the
    ///     leftmost of equals. For SentencePiece, the place of its score among all scores
    /// @param id the token that both together are
    public record Merge(int at, byte[] left, byte[] right, int rank, int id) {}

    /// One token of the result.
    ///
    /// @param id its number
    /// @param name the token as the vocabulary writes it
    /// @param bytes what it stands for
    /// @param special whether it is a control token
    public record Token(
            int id,
            String name,
            byte[] bytes,
            boolean special,
            int byteStart,
            int byteEnd,
            int charStart,
            int charEnd) {}

    /// All tokens in order.
    public List<Token> tokens() {
        return pieces.stream().flatMap(piece -> piece.tokens().stream()).toList();
    }

    /// All ids in order.
    public int[] ids() {
        return tokens().stream().mapToInt(Token::id).toArray();
    }
}
