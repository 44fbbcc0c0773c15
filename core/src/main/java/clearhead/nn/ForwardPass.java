package clearhead.nn;

import clearhead.ops.Dropout;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.util.Optional;

/// All that one pass through a model needs. Tokens of all sequences are packed; there is no batch
/// axis and no padding.
///
/// @param ops where arithmetic happens
/// @param ids I32 [tokens]
/// @param positions I32 [tokens]: position of each token in its own sequence; [axes, tokens] for
///     [Positions.Sections]
/// @param lengths [sequences]: tokens that each sequence has once all that is known of it is computed,
///     which may be more than this pass; for rotary frequencies that depend on it. Not to be changed
/// @param sequences which rows belong to which sequence
/// @param keyValues keys and values of earlier passes
/// @param probe looks at the pass
/// @param logitRows I32 [rows]: tokens whose logits are wanted; absent means all
/// @param dropout of attention weights, in training; each layer drops its own
public record ForwardPass(
        Ops ops,
        Tensor ids,
        Tensor positions,
        int[] lengths,
        Sequences sequences,
        KeyValues keyValues,
        Probe probe,
        Optional<Tensor> logitRows,
        Dropout dropout) {

    /// A pass over whole sequences from position 0, without a cache, giving all logits.
    public static ForwardPass of(Ops ops, int[] ids, Sequences sequences) {
        var starts = new int[sequences.count()];
        return at(ops, ids, sequences, starts, KeyValues.NONE);
    }

    /// A pass over one whole sequence from position 0, without a cache, giving all logits.
    public static ForwardPass of(Ops ops, int... ids) {
        return of(ops, ids, Sequences.one(ids.length));
    }

    /// A pass that continues sequences.
    ///
    /// @param first [sequences]: position of the first token of each sequence in this pass
    public static ForwardPass at(Ops ops, int[] ids, Sequences sequences, int[] first, KeyValues keyValues) {
        if (sequences.tokens() != ids.length) {
            throw new IllegalArgumentException(
                    "sequences count " + sequences.tokens() + " tokens, got " + ids.length + " ids");
        }
        Tensor idTensor = ops.workspace().take(DType.I32, ids.length);
        Tensor positions = ops.workspace().take(DType.I32, ids.length);
        var lengths = new int[sequences.count()];
        for (int s = 0; s < sequences.count(); s++) {
            lengths[s] = first[s] + sequences.length(s);
            for (int row = sequences.start(s); row < sequences.start(s + 1); row++) {
                idTensor.set(row, ids[row]);
                positions.set(row, first[s] + row - sequences.start(s));
            }
        }
        return new ForwardPass(
                ops, idTensor, positions, lengths, sequences, keyValues, Probe.NONE, Optional.empty(), Dropout.NONE);
    }

    /// The same pass, looked at.
    public ForwardPass with(Probe other) {
        return new ForwardPass(ops, ids, positions, lengths, sequences, keyValues, other, logitRows, dropout);
    }

    /// The same pass with another memory.
    ForwardPass with(KeyValues other) {
        return new ForwardPass(ops, ids, positions, lengths, sequences, other, probe, logitRows, dropout);
    }

    /// The same pass as a part of longer work: a prompt that is computed in pieces turns as in one pass.
    ///
    /// @param whole [sequences]: tokens of each sequence when all its pieces are computed
    public ForwardPass withLengths(int... whole) {
        if (whole.length != sequences.count()) {
            throw new IllegalArgumentException(
                    "lengths of " + whole.length + " sequences, but the pass has " + sequences.count());
        }
        return new ForwardPass(ops, ids, positions, whole, sequences, keyValues, probe, logitRows, dropout);
    }

    /// The same pass with its tokens at other positions.
    ///
    /// @param other I32 [tokens], or [axes, tokens] for [Positions.Sections]
    public ForwardPass withPositions(Tensor other) {
        if (other.dim(-1) != tokens()) {
            throw new IllegalArgumentException("positions " + other.shape() + " has " + other.dim(-1)
                    + " tokens on its last axis, but the pass has " + tokens());
        }
        var farthest = new int[sequences.count()];
        long axes = other.size() / Math.max(1, tokens());
        for (int s = 0; s < farthest.length; s++) {
            for (int row = sequences.start(s); row < sequences.start(s + 1); row++) {
                for (long axis = 0; axis < axes; axis++) {
                    farthest[s] = Math.max(farthest[s], other.intAt(axis * tokens() + row) + 1);
                }
            }
        }
        return new ForwardPass(ops, ids, other, farthest, sequences, keyValues, probe, logitRows, dropout);
    }

    /// The same pass, dropping attention weights.
    public ForwardPass withDropout(Dropout other) {
        return new ForwardPass(ops, ids, positions, lengths, sequences, keyValues, probe, logitRows, other);
    }

    /// The same pass, giving the logits of these tokens only.
    public ForwardPass logitsOf(int... rows) {
        Tensor wanted = ops.workspace().take(DType.I32, rows.length);
        for (int i = 0; i < rows.length; i++) {
            wanted.set(i, rows[i]);
        }
        return new ForwardPass(ops, ids, positions, lengths, sequences, keyValues, probe, Optional.of(wanted), dropout);
    }

    /// The same pass, giving the logits of the last token of each sequence only.
    public ForwardPass lastLogits() {
        var rows = new int[sequences.count()];
        for (int s = 0; s < rows.length; s++) {
            rows[s] = sequences.start(s + 1) - 1;
        }
        return logitsOf(rows);
    }

    public int tokens() {
        return ids.dim(0);
    }

    /// Shows a value to the probe, if it wants it.
    Tensor tap(Site site, int layer, Tensor value) {
        return probe.wants(site, layer) == Probe.Interest.NONE ? value : probe.see(site, layer, value);
    }
}
