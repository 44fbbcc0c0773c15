package clearhead.hub;

import clearhead.io.Json;
import clearhead.io.ModelFileException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/// What a repository holds at one commit, as the hub lists it.
///
/// @param commit 40 hexadecimal digits
/// @param files by name
record Listing(String commit, Map<String, Entry> files) {
    private static final int MOST = 100_000;

    /// One file. A hub of another make may leave out all but the name.
    ///
    /// @param sha256 of its bytes, where it is kept apart from git (LFS, Xet)
    /// @param blob git's SHA-1 of it: of the bytes, or of the pointer that stands for them
    record Entry(String name, OptionalLong size, Optional<String> sha256, Optional<String> blob) {}

    /// @param source the repository, for messages
    static Listing read(String source, String text) {
        Json.Obj json = Json.parseObject(source + ": listing", text);
        String commit = json.text("sha");
        if (!HubName.isCommit(commit)) {
            throw json.wrong("sha", "wanted a commit of 40 hexadecimal digits");
        }
        Json.Arr siblings = json.array("siblings");
        if (siblings.size() > MOST) {
            throw new ModelFileException(source, "lists " + siblings.size() + " files, at most " + MOST + " are taken");
        }
        Map<String, Entry> files = new LinkedHashMap<>();
        for (int i = 0; i < siblings.size(); i++) {
            Entry entry = entry(siblings.object(i));
            if (files.put(entry.name, entry) != null) {
                throw new ModelFileException(source, "lists the file \"" + entry.name + "\" twice");
            }
        }
        return new Listing(commit, files);
    }

    private static Entry entry(Json.Obj json) {
        OptionalLong size = json.has("size") ? OptionalLong.of(json.longInteger("size")) : OptionalLong.empty();
        Optional<String> blob = json.has("blobId") ? Optional.of(json.text("blobId")) : Optional.empty();
        Optional<String> sha256 = Optional.empty();
        if (json.has("lfs")) {
            Json.Obj lfs = json.object("lfs");
            sha256 = lfs.has("sha256") ? Optional.of(lfs.text("sha256")) : Optional.empty();
            size = lfs.has("size") ? OptionalLong.of(lfs.longInteger("size")) : size;
        }
        return new Entry(json.text("rfilename"), size, sha256, blob);
    }

    List<String> names() {
        return List.copyOf(files.keySet());
    }
}
