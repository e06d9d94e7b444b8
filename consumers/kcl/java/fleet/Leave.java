package fleet;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.LoggerFactory;

/**
 * Bounds a stop that KCL cannot end: of a shard that has ended while its destination is away, and while DynamoDB takes
 * calls without an answer. It is an appender, since what KCL says first at its end is when a stop begins.
 *
 * A process of a shard that lives after `childrenMillis` has had its time, and KCL waits for it in vain. After `allMillis`
 * KCL would give up with an error.
 *
 * javac --release 17 -g:none -cp 'JARS/*' consumers/kcl/java/fleet/Leave.java
 */
public final class Leave extends AppenderBase<ILoggingEvent> {
    private long childrenMillis;
    private long allMillis;

    public void setChildrenMillis(long millis) {
        childrenMillis = millis;
    }

    public void setAllMillis(long millis) {
        allMillis = millis;
    }

    @Override
    protected void append(ILoggingEvent event) {
        if (event.getFormattedMessage().contains("will initiate shutdown")) {
            Thread watch = new Thread(this::watch, "leave");
            watch.setDaemon(true); // Java ends without it where KCL comes to its end
            watch.start();
        }
    }

    private void watch() {
        int code = code();
        try {
            Thread.sleep(childrenMillis);
            if (code == 143 && ProcessHandle.current().children().noneMatch(ProcessHandle::isAlive)) {
                Thread.sleep(allMillis - childrenMillis); // no shard is left: KCL gives the leader's lock back
            }
        } catch (InterruptedException end) {
            return;
        }
        LoggerFactory.getLogger(Leave.class).warn("the time of a stop is over: what is not checkpointed comes again");
        Runtime.getRuntime().halt(code);
    }

    /** What Java would end with: only the thread that a signal has begun tells it from an end of its own. */
    private static int code() {
        Set<String> names = Thread.getAllStackTraces().keySet().stream().map(Thread::getName).collect(Collectors.toSet());
        return names.contains("SIGTERM handler") ? 143 : names.contains("SIGINT handler") ? 130 : 1;
    }
}
