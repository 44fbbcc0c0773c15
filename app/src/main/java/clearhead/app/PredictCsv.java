package clearhead.app;

import clearhead.inspect.Contributions;
import clearhead.inspect.Lens;
import clearhead.inspect.Prediction;
import clearhead.view.Prompt;
import java.io.IOException;
import java.io.Writer;
import java.util.List;
import java.util.Locale;

/// Predictions, contributions and the lens as rows of numbers that read back to the same doubles.
final class PredictCsv {
    private PredictCsv() {}

    /// Every token, the most likely first.
    static void vocabulary(Prediction p, Prompt prompt, Writer out) throws IOException {
        out.write("rank,id,token,logit,probability,tempered,drawn,cut\n");
        for (int rank = 1; rank <= p.vocab(); rank++) {
            Prediction.Entry e = p.ranked(rank);
            out.write(rank + "," + e.id() + ","
                    + AttendCsv.quoted(prompt.label(e.id()).text()) + "," + e.logit() + "," + e.probability() + ","
                    + e.tempered() + "," + e.drawn() + "," + e.cut().name().toLowerCase(Locale.ROOT) + "\n");
        }
    }

    /// The parts of a logit, in the order of the computation.
    static void parts(Contributions c, Writer out) throws IOException {
        out.write("kind,layer,head,value\n");
        for (Contributions.Part part : c.parts()) {
            out.write(part.kind().name().toLowerCase(Locale.ROOT) + "," + (part.layer() < 0 ? "" : part.layer()) + ","
                    + (part.head() < 0 ? "" : part.head()) + "," + part.value() + "\n");
        }
    }

    /// The grid, cell by cell.
    ///
    /// @param grid [places][positions]
    static void lens(List<Lens.Place> places, List<List<Lens.Cell>> grid, Prompt prompt, Writer out)
            throws IOException {
        out.write("site,layer,position,position_token,id,token,logit,probability,divergence,"
                + "watched_rank,watched_logit,watched_probability\n");
        for (int row = 0; row < places.size(); row++) {
            for (Lens.Cell c : grid.get(row)) {
                out.write(places.get(row).site().label() + "," + places.get(row).layer() + "," + c.position() + ","
                        + AttendCsv.quoted(prompt, c.position()) + "," + c.id() + ","
                        + AttendCsv.quoted(prompt.label(c.id()).text()) + "," + c.logit() + "," + c.probability()
                        + "," + c.divergence() + ","
                        + c.watched()
                                .map(w -> w.rank() + "," + w.logit() + "," + w.probability())
                                .orElse(",,")
                        + "\n");
            }
        }
    }
}
