package clearhead.ops.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkersTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void everyTaskRunsOnce(int threads) {
        try (var workers = new Workers(threads)) {
            for (int tasks : new int[] {0, 1, 2, 3, 17, 1000}) {
                for (int repeat = 0; repeat < 50; repeat++) {
                    var ran = new AtomicIntegerArray(tasks);
                    workers.run(tasks, ran::incrementAndGet);
                    for (int i = 0; i < tasks; i++) {
                        assertEquals(1, ran.get(i));
                    }
                }
            }
        }
    }

    @Test
    void writesOfTasksAreSeenByTheCaller() {
        try (var workers = new Workers(3)) {
            var plain = new int[64];
            for (int repeat = 1; repeat <= 2000; repeat++) {
                int value = repeat;
                workers.run(plain.length, i -> plain[i] = value);
                for (int x : plain) {
                    assertEquals(value, x);
                }
            }
        }
    }

    @Test
    void workersComeBackAfterParking() throws InterruptedException {
        try (var workers = new Workers(2)) {
            for (int repeat = 0; repeat < 20; repeat++) {
                Thread.sleep(2);
                var sum = new AtomicInteger();
                workers.run(10, sum::addAndGet);
                assertEquals(45, sum.get());
            }
        }
    }

    @Test
    void theFirstExceptionReachesTheCaller() {
        try (var workers = new Workers(2)) {
            var thrown = new IllegalStateException("task 3");
            Workers.Task body = i -> {
                if (i == 3) {
                    throw thrown;
                }
            };
            assertSame(thrown, assertThrows(IllegalStateException.class, () -> workers.run(8, body)));
            var sum = new AtomicInteger();
            workers.run(10, sum::addAndGet);
            assertEquals(45, sum.get());
        }
    }

    @Test
    void nestedUseRunsOnTheSpot() {
        try (var workers = new Workers(2)) {
            var sum = new AtomicInteger();
            workers.run(8, i -> workers.run(10, sum::addAndGet));
            assertEquals(8 * 45, sum.get());
        }
    }

    @Test
    void severalCallersShareAPool() throws InterruptedException {
        try (var workers = new Workers(2)) {
            var sum = new AtomicInteger();
            var callers = new Thread[4];
            for (int c = 0; c < callers.length; c++) {
                callers[c] = new Thread(() -> {
                    for (int repeat = 0; repeat < 500; repeat++) {
                        workers.run(5, i -> sum.incrementAndGet());
                    }
                });
                callers[c].start();
            }
            for (Thread caller : callers) {
                caller.join();
            }
            assertEquals(4 * 500 * 5, sum.get());
        }
    }

    @Test
    void aClosedPoolRefuses() {
        var workers = new Workers(2);
        workers.close();
        assertThrows(IllegalStateException.class, () -> workers.run(2, i -> {}));
    }
}
