package clearhead.app;

import picocli.CommandLine.Help.Ansi;

/// Where standard output goes, as the launcher saw it.
///
/// @param color whether to print ANSI colours: a terminal, and NO_COLOR not set
/// @param columns width; 80 where it is not known
record Terminal(boolean color, int columns) {

    static Terminal current() {
        boolean terminal = Boolean.getBoolean("clearhead.terminal");
        String noColor = System.getenv("NO_COLOR");
        int columns = Integer.getInteger("clearhead.columns", 0);
        return new Terminal(terminal && (noColor == null || noColor.isEmpty()), columns > 20 ? columns : 80);
    }

    Ansi ansi() {
        return color ? Ansi.ON : Ansi.OFF;
    }

    int helpWidth() {
        return Math.clamp(columns, 60, 120);
    }
}
