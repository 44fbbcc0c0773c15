package clearhead.app;

import java.io.PrintWriter;
import java.io.StringWriter;

/// One run of the command line, in this JVM.
record Cli(int code, String out, String err) {

    static Cli run(String... args) {
        var out = new StringWriter();
        var err = new StringWriter();
        int code = Main.run(args, new PrintWriter(out), new PrintWriter(err));
        return new Cli(code, out.toString(), err.toString());
    }
}
