package clearhead.hub;

/// Is told how a download goes, by several threads at once.
public interface Progress {
    /// Tells nobody.
    Progress SILENT = new Progress() {};

    /// Before a download; never called where all is there already.
    ///
    /// @param files how many are missing
    /// @param bytes of them all
    /// @param present bytes of them that an earlier attempt left
    default void begin(int files, long bytes, long present) {}

    /// Bytes came; fewer than none where a file has to begin again.
    default void advance(long bytes) {}

    /// A file is complete and verified.
    default void done(String file, long bytes) {}

    /// Something that takes time or went wrong for now.
    default void note(String line) {}

    /// After [#begin], whatever came of it.
    default void end() {}
}
