import de.bwaldvogel.mongo.MongoBackend;
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.h2.mvstore.MVStore;

/**
 * Speaks MongoDB's wire protocol for tests where no MongoDB can be had: {@code StandIn PORT [FILE]}.
 * With a file, what was acknowledged survives SIGKILL, as with MongoDB's journalled writes.
 */
public final class StandIn {
    public static void main(String[] args) {
        MongoBackend backend = args.length > 1 ? durableBackend(args[1]) : new MemoryBackend();
        // The driver insists on a newer wire version than the library announces by itself.
        MongoServer server = new MongoServer(backend.version(new AnnouncedVersion()));
        server.bind("127.0.0.1", Integer.parseInt(args[0]));
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
    }

    private static MongoBackend durableBackend(String file) {
        // Commits happen between commands only: one in the middle of an update would keep half of it.
        return new DurableBackend(new MVStore.Builder().fileName(file).autoCommitDisabled().open());
    }

    private static final class AnnouncedVersion implements MongoVersion {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(5, 0, 0);
        }

        @Override
        public int getWireVersion() {
            return 13;
        }
    }

    /** Commits before it answers a write, or a read that has seen one; those that arrive together share one commit. */
    private static final class DurableBackend extends H2Backend {
        private static final Set<String> WRITES =
                Set.of("insert", "update", "delete", "findAndModify", "findandmodify", "create", "createIndexes",
                        "drop", "dropDatabase", "dropIndexes");

        private final ReadWriteLock commands = new ReentrantReadWriteLock();
        private final Object committing = new Object();
        private final AtomicLong written = new AtomicLong();
        private long committed;

        DurableBackend(MVStore store) {
            super(store);
        }

        @Override
        public Document handleMessage(MongoMessage message) {
            Document answer;
            if (!WRITES.contains(message.getDocument().keySet().iterator().next())) {
                answer = super.handleMessage(message);
                // What a read may have seen is not lost any more when it is answered: read concern "majority".
                commitUpTo(written.get());
                return answer;
            }
            commands.readLock().lock();
            long write;
            try {
                write = written.incrementAndGet();
                answer = super.handleMessage(message);
            } finally {
                commands.readLock().unlock();
            }
            commitUpTo(write);
            return answer;
        }

        private void commitUpTo(long write) {
            synchronized (committing) {
                if (committed >= write) return;
                commands.writeLock().lock();
                try {
                    committed = written.get();
                    commit();
                } finally {
                    commands.writeLock().unlock();
                }
            }
        }
    }
}
