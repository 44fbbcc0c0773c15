package clearhead.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class AtomicFileTest {
    /// A device on which every write finds the disk full.
    static final Path FULL = Path.of("/dev/full");

    @TempDir
    private Path folder;

    private List<String> names() throws IOException {
        try (var files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void nothingIsThereBeforeTheCommitAndAllAfterIt() throws IOException {
        Path target = folder.resolve("a.bin");
        try (var file = AtomicFile.create(target)) {
            file.append(new byte[] {1, 2});
            file.write(4, MemorySegment.ofArray(new byte[] {5}));
            file.write(2, MemorySegment.ofArray(new byte[] {3, 4}));
            assertEquals(5, file.size());
            assertTrue(Files.notExists(target));
            file.commit();
        }
        assertEquals(List.of("a.bin"), names());
        assertEquals(5, Files.size(target));
        assertEquals(4, Files.readAllBytes(target)[3]);
    }

    @Test
    void anAbandonedWriteLeavesWhatWasThere() throws IOException {
        Path target = folder.resolve("a.txt");
        AtomicFile.writeText(target, "old");
        try (var file = AtomicFile.create(target)) {
            file.append(new byte[1000]);
        }
        assertEquals(List.of("a.txt"), names());
        assertEquals("old", Files.readString(target));
        AtomicFile.writeText(target, "new");
        assertEquals("new", Files.readString(target));
    }

    @Test
    void aFullDiskIsOneClearErrorAndChangesNothing() throws IOException {
        Assumptions.assumeTrue(Files.exists(FULL), "no /dev/full here");
        Path target = folder.resolve("a.txt");
        AtomicFile.writeText(target, "old");
        try (var file = AtomicFile.create(target, AtomicFileTest::full)) {
            var e = assertThrows(ModelFileException.class, () -> file.append(new byte[10]));
            assertTrue(e.getMessage().contains("No space left on device"), e.getMessage());
            assertTrue(e.getMessage().contains("unchanged"), e.getMessage());
        }
        assertEquals(List.of("a.txt"), names());
        assertEquals("old", Files.readString(target));
    }

    /// The temporary file is there as on a real disk; the bytes go to the full device.
    static FileChannel full(Path temporary) throws IOException {
        Files.createFile(temporary);
        return FileChannel.open(FULL, StandardOpenOption.WRITE);
    }

    @Test
    void missingFoldersAndFoldersAsTargetsAreRefused() {
        assertThrows(
                ModelFileException.class,
                () -> AtomicFile.create(folder.resolve("no/a")).close());
        assertThrows(ModelFileException.class, () -> AtomicFile.create(folder).close());
    }

    @Test
    void whatAKilledProcessLeftIsRemoved() throws IOException {
        Path target = folder.resolve("a.txt");
        Path old = Files.createFile(folder.resolve(".a.txt-999999999-1.part"));
        Path fresh = Files.createFile(folder.resolve(".a.txt-999999999-2.part"));
        Path other = Files.createFile(folder.resolve(".b.txt-999999999-1.part"));
        var longAgo = java.nio.file.attribute.FileTime.fromMillis(0);
        Files.setLastModifiedTime(old, longAgo);
        Files.setLastModifiedTime(other, longAgo);
        AtomicFile.writeText(target, "x");
        assertEquals(List.of(fresh.getFileName().toString(), other.getFileName().toString(), "a.txt"), names());
    }

    @Test
    void aLinkKeepsPointingToTheFileThatIsWritten() throws IOException {
        Path real = folder.resolve("real.txt");
        AtomicFile.writeText(real, "old");
        Path link = Files.createSymbolicLink(folder.resolve("link.txt"), real);
        AtomicFile.writeText(link, "new");
        assertTrue(Files.isSymbolicLink(link));
        assertEquals("new", Files.readString(real));
    }

    @Test
    void devicesAreWrittenStraight() {
        Path sink = Path.of("/dev/null");
        Assumptions.assumeTrue(Files.exists(sink), "no /dev/null here");
        AtomicFile.writeText(sink, "gone");
    }
}
