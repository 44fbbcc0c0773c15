package clearhead.inspect;

import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.Ops;
import clearhead.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// The logit lens: what the model would predict if the residual stream of an earlier layer were its
/// last: logits = head(lastNorm(residual)). nostalgebraist 2020, "interpreting GPT: the logit lens".
/// The row of the last layer is the model's own prediction, to the bit.
///
/// Early layers need not speak the language of the last: a strange token there says that the lens
/// cannot read it, not that the model thinks of it. Belrose et al. 2023, arXiv:2303.08112.
public final class Lens {
    /// Logits held at a time.
    private static final int ELEMENTS = 1 << 22;

    private final Run run;
    private final Transformer model;

    public Lens(Run run) {
        this.run = run;
        model = run.model();
    }

    /// One row of the grid: a residual stream.
    ///
    /// @param site RESID_PRE of layer 0 (the embedding), RESID_MID (after attention) or RESID_POST
    ///     (after the whole layer)
    public record Place(Site site, int layer) {
        /// `embed`, `3 attention`, `3`.
        public String label() {
            return switch (site) {
                case RESID_PRE -> "embed";
                case RESID_MID -> layer + " attention";
                default -> Integer.toString(layer);
            };
        }
    }

    /// One cell of the grid.
    ///
    /// @param id the token most likely here
    /// @param divergence Σ p·ln(p/q) in nats, p the model's final prediction at this position and q
    ///     this one
    /// @param watched the token followed, if one is
    public record Cell(
            int position, int id, double logit, double probability, double divergence, Optional<Watched> watched) {}

    /// The token followed, in one cell.
    ///
    /// @param rank from 1; of equals the lower id first
    public record Watched(int id, int rank, double logit, double probability) {}

    /// Takes the grid, row by row; where the text is long, first all rows of the first positions.
    @FunctionalInterface
    public interface Sink {
        /// @param cells of one place, one for each of some of the positions, in the order asked
        void row(Place place, List<Cell> cells);
    }

    /// The rows of the grid, from the bottom of the model to its top.
    ///
    /// @param attention whether the stream between attention and MLP has rows of its own
    public List<Place> places(boolean attention) {
        var places = new ArrayList<Place>();
        places.add(new Place(Site.RESID_PRE, 0));
        for (int layer = 0; layer < model.layers(); layer++) {
            if (attention) {
                places.add(new Place(Site.RESID_MID, layer));
            }
            places.add(new Place(Site.RESID_POST, layer));
        }
        return List.copyOf(places);
    }

    /// Looks through the lens.
    ///
    /// @param positions tokens whose columns are wanted
    /// @param watched a token to follow
    public void look(Ops ops, int[] positions, List<Place> places, OptionalInt watched, Sink sink) {
        if (watched.isPresent() && (watched.getAsInt() < 0 || watched.getAsInt() >= model.vocab())) {
            throw new IllegalArgumentException(
                    "token id: wanted 0 to " + (model.vocab() - 1) + ", got " + watched.getAsInt());
        }
        int most = Math.max(1, ELEMENTS / model.vocab());
        for (int from = 0; from < positions.length; from += most) {
            int to = Math.min(positions.length, from + most);
            chunk(ops, Arrays.copyOfRange(positions, from, to), places, watched, sink);
        }
    }

    /// Looks through the lens, and keeps the whole grid.
    ///
    /// @return [places][positions]
    public List<List<Cell>> grid(Ops ops, int[] positions, List<Place> places, OptionalInt watched) {
        var grid = new ArrayList<List<Cell>>();
        places.forEach(_ -> grid.add(new ArrayList<>()));
        look(
                ops,
                positions,
                places,
                watched,
                (place, cells) -> grid.get(places.indexOf(place)).addAll(cells));
        return grid;
    }

    private void chunk(Ops ops, int[] positions, List<Place> places, OptionalInt watched, Sink sink) {
        double[][] last = logits(ops, new Place(Site.RESID_POST, model.layers() - 1), positions);
        var finals = new double[positions.length][];
        for (int i = 0; i < positions.length; i++) {
            finals[i] = NextTokens.probabilities(last[i]);
        }
        for (Place place : places) {
            double[][] logits =
                    place.equals(new Place(Site.RESID_POST, model.layers() - 1)) ? last : logits(ops, place, positions);
            var cells = new ArrayList<Cell>();
            for (int i = 0; i < positions.length; i++) {
                cells.add(cell(positions[i], logits[i], finals[i], watched));
            }
            sink.row(place, cells);
        }
    }

    private static Cell cell(int position, double[] logits, double[] last, OptionalInt watched) {
        int best = 0;
        for (int id = 1; id < logits.length; id++) {
            best = logits[id] > logits[best] ? id : best;
        }
        double lse = NextTokens.lse(logits);
        double divergence = 0;
        for (int id = 0; id < logits.length; id++) {
            if (last[id] > 0) {
                divergence += last[id] * (Math.log(last[id]) - (logits[id] - lse));
            }
        }
        Optional<Watched> follows =
                watched.isPresent() ? Optional.of(watched(watched.getAsInt(), logits, lse)) : Optional.empty();
        return new Cell(position, best, logits[best], Math.exp(logits[best] - lse), Math.max(0, divergence), follows);
    }

    private static Watched watched(int id, double[] logits, double lse) {
        int rank = 1;
        for (int other = 0; other < logits.length; other++) {
            if (logits[other] > logits[id] || (logits[other] == logits[id] && other < id)) {
                rank++;
            }
        }
        return new Watched(id, rank, logits[id], Math.exp(logits[id] - lse));
    }

    /// Last norm and head of a residual.
    ///
    /// @return [positions, vocab]
    private double[][] logits(Ops ops, Place place, int[] positions) {
        long mark = ops.workspace().mark();
        try {
            var streams = new Streams(run, ops);
            Tensor logits = streams.logits(
                    streams.at(place.site(), place.layer(), streams.positions(positions))); // [positions, vocab]
            var values = new double[positions.length][];
            for (int i = 0; i < values.length; i++) {
                values[i] = Elements.row(logits, i);
            }
            return values;
        } finally {
            ops.workspace().release(mark);
        }
    }
}
