package clearhead.inspect;

import clearhead.nn.Attention;
import clearhead.nn.Block;
import clearhead.nn.Linear;
import clearhead.nn.Mlp;
import clearhead.nn.Norm;
import clearhead.nn.Positions;
import clearhead.nn.Projections;
import clearhead.nn.Transformer;
import clearhead.tensor.DType;
import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;

/// A model with all its weights in double precision, for the reference backend.
final class Doubled {
    private final Arena arena;

    private Doubled(Arena arena) {
        this.arena = arena;
    }

    static Transformer of(Arena arena, Transformer model) {
        var doubled = new Doubled(arena);
        return new Transformer(
                doubled.of(model.embedding()),
                doubled.of(model.positions()),
                model.blocks().stream().map(doubled::of).toList(),
                doubled.of(model.finalNorm()),
                doubled.of(model.head()),
                model.context());
    }

    private Tensor of(Tensor t) {
        return t.to(arena, DType.F64);
    }

    private Positions of(Positions positions) {
        return switch (positions) {
            case Positions.Learned p -> new Positions.Learned(of(p.table()));
            case Positions.LearnedFrom p -> new Positions.LearnedFrom(of(p.table()), p.first());
            case Positions.Rope p -> of(p);
            case Positions.RopeByLength p ->
                new Positions.RopeByLength(of(p.near()), p.original(), p.beyond(), p.magnitude(), p.keys());
            case Positions.Sections p -> new Positions.Sections(of(p.rope()), p.axes());
            case Positions.None p -> p;
            case Positions.LearnedAfterPadding p -> new Positions.LearnedAfterPadding(of(p.table()), p.padding());
        };
    }

    private Positions.Rope of(Positions.Rope rope) {
        return new Positions.Rope(of(rope.cos()), of(rope.sin()), rope.pairing());
    }

    private Block of(Block block) {
        return switch (block) {
            case Block.PreNorm b ->
                new Block.PreNorm(of(b.attentionNorm()), of(b.attention()), of(b.mlpNorm()), of(b.mlp()));
            case Block.PostNorm b ->
                new Block.PostNorm(of(b.attention()), of(b.attentionNorm()), of(b.mlp()), of(b.mlpNorm()));
            default -> throw new AssertionError("not doubled yet: " + block);
        };
    }

    private Attention of(Attention a) {
        Projections.Separate p = a.separate();
        return new Attention(a.spec(), of(a.positions()), of(p.query()), of(p.key()), of(p.value()), of(a.output()));
    }

    private Norm of(Norm norm) {
        return switch (norm) {
            case Norm.None n -> n;
            case Norm.Rms n -> new Norm.Rms(of(n.weight()), n.eps());
            case Norm.Layer n -> new Norm.Layer(of(n.weight()), of(n.bias()), n.eps());
        };
    }

    private Mlp of(Mlp mlp) {
        return switch (mlp) {
            case Mlp.Dense m -> new Mlp.Dense(of(m.up()), of(m.down()), m.act());
            case Mlp.Gated m -> new Mlp.Gated(of(m.gate()), of(m.up()), of(m.down()), m.act());
            case Mlp.Experts _,
                    Mlp.ScaledInputExperts _,
                    Mlp.BoundedGated _,
                    Mlp.DenseAndExperts _,
                    Mlp.None _,
                    Mlp.ChannelMixing _ -> throw new IllegalArgumentException("not doubled yet: " + mlp);
        };
    }

    private Linear of(Linear linear) {
        return new Linear(of(linear.weight()), linear.bias().map(this::of));
    }
}
