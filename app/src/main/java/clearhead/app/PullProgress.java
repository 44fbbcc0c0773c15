package clearhead.app;

import clearhead.hub.Progress;
import clearhead.tensor.Memory;
import java.io.PrintWriter;
import java.util.Locale;

/// How a download goes, on standard error: on a terminal one line that is written over, else a line now and then.
final class PullProgress implements Progress {
    private static final long REDRAW_NANOS = 200_000_000L;
    private static final long LINE_NANOS = 10_000_000_000L;
    private static final double FORGET_SECONDS = 5;

    private final PrintWriter err;
    private final boolean terminal;
    private long total;
    private long have;
    private long shown;
    private long looked;
    private long haveThen;
    private double speed; // bytes a second, lately
    private int drawn;

    PullProgress(PrintWriter err, boolean terminal) {
        this.err = err;
        this.terminal = terminal;
    }

    static boolean onTerminal() {
        return Boolean.getBoolean("clearhead.progress") && System.getenv("HF_HUB_DISABLE_PROGRESS_BARS") == null;
    }

    @Override
    public synchronized void begin(int files, long bytes, long present) {
        total = bytes;
        have = present;
        haveThen = present;
        looked = System.nanoTime();
        shown = looked;
        line("downloading " + files + (files == 1 ? " file, " : " files, ") + Memory.text(bytes)
                + (present == 0 ? "" : ", " + Memory.text(present) + " of them are here"));
    }

    @Override
    public synchronized void advance(long bytes) {
        have += bytes;
        long now = System.nanoTime();
        if (now - shown >= (terminal ? REDRAW_NANOS : LINE_NANOS)) {
            shown = now;
            measure(now);
            draw();
        }
    }

    private void measure(long now) {
        double seconds = (now - looked) / 1e9;
        double lately = (have - haveThen) / seconds;
        double old = speed == 0 ? 0 : Math.exp(-seconds / FORGET_SECONDS);
        speed = Math.max(0, old * speed + (1 - old) * lately);
        looked = now;
        haveThen = have;
    }

    private void draw() {
        String text = text(have, total, speed);
        if (terminal) {
            err.print("\r" + text + " ".repeat(Math.max(0, drawn - text.length())));
            err.flush();
            drawn = text.length();
        } else {
            line(text);
        }
    }

    /// `  42 % of 1.3 GB, 12.3 MB/s, 1:02 left`.
    static String text(long have, long total, double speed) {
        String text = String.format(
                Locale.ROOT,
                "%3.0f %% of %s, %.1f MB/s",
                total == 0 ? 100 : Math.floor(100.0 * have / total),
                Memory.text(total),
                speed / 1e6);
        if (speed <= 0) {
            return text;
        }
        long left = Math.round((total - have) / speed);
        String time = left >= 3600
                ? String.format(Locale.ROOT, "%d:%02d:%02d", left / 3600, left / 60 % 60, left % 60)
                : String.format(Locale.ROOT, "%d:%02d", left / 60, left % 60);
        return text + ", " + time + " left";
    }

    @Override
    public synchronized void done(String file, long bytes) {
        line(file + ", " + Memory.text(bytes) + ", verified");
    }

    @Override
    public synchronized void note(String line) {
        line(line);
    }

    @Override
    public synchronized void end() {
        wipe();
        err.flush();
    }

    private void line(String text) {
        wipe();
        err.println("clearhead: " + text.replaceAll("\\p{Cntrl}", " "));
        err.flush();
    }

    private void wipe() {
        if (drawn > 0) {
            err.print("\r" + " ".repeat(drawn) + "\r");
            drawn = 0;
        }
    }
}
