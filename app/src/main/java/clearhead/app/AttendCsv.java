package clearhead.app;

import clearhead.inspect.AttentionRow;
import clearhead.inspect.Look;
import clearhead.view.Prompt;
import java.io.IOException;
import java.io.Writer;

/// A head's pattern as rows `query,key,query_token,key_token,score,weight`, masked cells left out;
/// numbers read back to the same doubles.
final class AttendCsv {
    private AttendCsv() {}

    static void write(Look look, Prompt prompt, Writer out) throws IOException {
        out.write("layer,head,query,key,query_token,key_token,score,weight\n");
        String place = look.layer() + "," + look.head() + ",";
        for (int i = 0; i < look.pattern().queries(); i++) {
            AttentionRow row = look.pattern().row(look.head(), i);
            for (int k = 0; k < look.pattern().visible(i); k++) {
                out.write(place + i + "," + k + "," + quoted(prompt, i) + "," + quoted(prompt, k) + ","
                        + row.scores()[k] + "," + row.weights()[k] + "\n");
            }
        }
    }

    /// RFC 4180: between quotation marks, those inside doubled.
    static String quoted(Prompt prompt, int position) {
        return quoted(prompt.labels().get(position).text());
    }

    static String quoted(String text) {
        return '"' + text.replace("\"", "\"\"") + '"';
    }
}
