package clearhead.hub;

import java.nio.file.Path;
import java.util.List;

/// A model in the cache.
///
/// @param repo `org/name`
/// @param path its folder
/// @param revisions branches and tags that were asked for by name
/// @param bytes on the disk, without partial files
/// @param partialBytes of downloads that were broken off, by anyone
public record CachedModel(String repo, Path path, List<String> revisions, long bytes, long partialBytes) {}
