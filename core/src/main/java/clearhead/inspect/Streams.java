package clearhead.inspect;

import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.ForwardPass;
import clearhead.nn.Site;
import clearhead.ops.Ops;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.util.stream.IntStream;

/// The residual stream of a [Run] at some positions, and what was added to it. What the run does not
/// keep is computed again for these positions alone, with the same bits. Where the run was changed
/// between a layer's attention and its MLP (at `attn_out` or `resid_mid`), both are as they would be
/// without that change; the stream after the layer has it.
///
/// Results come from the workspace of `ops`: whoever asks releases it.
record Streams(Run run, Ops ops) {

    /// @param site RESID_PRE, Z, ATTN_OUT, RESID_MID, MLP_OUT or RESID_POST
    /// @param positions I32 [rows]
    /// @return [rows, dim]; for Z [rows, heads·headDim]
    Tensor at(Site site, int layer, Tensor positions) {
        return switch (site) {
            case RESID_PRE -> ops.select(run.residual(layer), positions);
            case RESID_POST -> ops.select(after(layer), positions);
            case Z -> {
                Tensor z = run.z(layer);
                yield ops.select(z.reshape(z.dim(0), z.dim(1) * z.dim(2)), positions);
            }
            case ATTN_OUT -> {
                if (!(block(layer).mixer() instanceof Attention attention)) {
                    yield ops.select(mixed(layer), positions);
                }
                Tensor h = block(layer).mixerInput(pass(), at(Site.RESID_PRE, layer, positions));
                Tensor z = attention.gate().forward(pass(), h, at(Site.Z, layer, positions));
                yield block(layer).mixerOutput(pass(), attention.output().forward(pass(), z));
            }
            case RESID_MID ->
                block(layer)
                        .afterMixer(pass(), at(Site.RESID_PRE, layer, positions), at(Site.ATTN_OUT, layer, positions));
            case MLP_OUT -> {
                Block block = block(layer);
                if (!block.mlp().states().isEmpty()) {
                    yield ops.select(carried(layer), positions);
                }
                Tensor x = at(Site.RESID_PRE, layer, positions);
                Tensor h = block.mlpInput(pass(), x, at(Site.RESID_MID, layer, positions));
                yield block.mlpOutput(pass(), block.mlp().forward(pass(), layer, h));
            }
            default -> throw new IllegalArgumentException("no part of the residual stream: " + site.label());
        };
    }

    /// What a layer that carries a state adds: that takes the whole text.
    ///
    /// @return [tokens, dim]
    private Tensor mixed(int layer) {
        var whole = ForwardPass.of(ops, run.ids());
        Tensor h = block(layer).mixerInput(whole, run.residual(layer));
        return block(layer).mixerOutput(whole, block(layer).mixer().forward(whole, layer, h));
    }

    /// The same of an MLP that carries a state.
    private Tensor carried(int layer) {
        var whole = ForwardPass.of(ops, run.ids());
        var all = positions(IntStream.range(0, run.tokens()).toArray());
        Tensor h = block(layer).mlpInput(whole, run.residual(layer), at(Site.RESID_MID, layer, all));
        return block(layer).mlpOutput(whole, block(layer).mlp().forward(whole, layer, h));
    }

    private Block block(int layer) {
        return run.model().blocks().get(layer);
    }

    private Tensor after(int layer) {
        return layer + 1 < run.model().layers() ? run.residual(layer + 1) : run.lastResidual();
    }

    /// The same at one position.
    double[] row(Site site, int layer, int position) {
        return Elements.row(at(site, layer, positions(position)), 0);
    }

    /// @return I32 [rows]
    Tensor positions(int... positions) {
        Tensor rows = ops.workspace().take(DType.I32, positions.length);
        for (int i = 0; i < positions.length; i++) {
            rows.set(i, positions[i]);
        }
        return rows;
    }

    /// The model's last norm and head.
    ///
    /// @param x [rows, dim]
    /// @return [rows, vocab]
    Tensor logits(Tensor x) {
        var pass = pass();
        return run.model().logits(pass, run.model().finalNorm().forward(pass, x));
    }

    private ForwardPass pass() {
        return ForwardPass.of(ops, run.ids()[0]);
    }
}
