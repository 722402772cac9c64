/* SPDX-License-Identifier: Apache-2.0 */
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.apache.hadoop.hdfs.protocol.ExtendedBlock;
import org.apache.hadoop.hdfs.DFSTestUtil;

/**
 * A real name node and data node on loopback, for tests: java -cp CLASSPATH MiniCluster.java FOLDER PORT. Prints "ready PORT"
 * and then takes commands on standard input, one a line, each answered by "ok" or "failed WHY":
 * stop-datanode, start-datanode, safemode on|off, restart-namenode, corrupt PATH, quit. The end of its input is quit.
 */
public class MiniCluster {
    private static final Deque<MiniDFSCluster.DataNodeProperties> stopped = new ArrayDeque<>();

    public static void main(String[] args) throws Exception {
        Configuration conf = new Configuration();
        conf.set(MiniDFSCluster.HDFS_MINIDFS_BASEDIR, args[0]);
        conf.setInt("dfs.replication", 1);
        conf.setInt("dfs.namenode.fs-limits.min-block-size", 1024);
        conf.setInt("dfs.namenode.safemode.extension", 0);
        conf.setBoolean("dfs.permissions.enabled", true);
        conf.setInt("ipc.maximum.data.length", 64 << 20);
        try (MiniDFSCluster cluster = new MiniDFSCluster.Builder(conf).numDataNodes(1).nameNodePort(Integer.parseInt(args[1])).build()) {
            cluster.waitActive();
            System.out.println("ready " + cluster.getNameNodePort());
            BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line = in.readLine(); line != null && !line.equals("quit"); line = in.readLine()) {
                try {
                    obey(cluster, line.split(" ", 2));
                    System.out.println("ok");
                } catch (Exception error) {
                    System.out.println("failed " + error);
                }
            }
        }
        System.exit(0);
    }

    private static void obey(MiniDFSCluster cluster, String[] words) throws Exception {
        switch (words[0]) {
        case "stop-datanode":
            stopped.push(cluster.stopDataNode(0));
            break;
        case "start-datanode":
            cluster.restartDataNode(stopped.pop(), true);
            cluster.waitActive();
            break;
        case "safemode":
            cluster.getNameNodeRpc().setSafeMode(words[1].equals("on")
                ? org.apache.hadoop.hdfs.protocol.HdfsConstants.SafeModeAction.SAFEMODE_ENTER
                : org.apache.hadoop.hdfs.protocol.HdfsConstants.SafeModeAction.SAFEMODE_LEAVE, false);
            break;
        case "restart-namenode":
            cluster.restartNameNode(0, true);
            break;
        case "corrupt":
            corrupt(cluster, words[1]);
            break;
        default:
            throw new IllegalArgumentException(words[0]);
        }
    }

    /** Turns a bit of the first byte of the file's first block, in the data node's own file. */
    private static void corrupt(MiniDFSCluster cluster, String path) throws Exception {
        ExtendedBlock block = DFSTestUtil.getFirstBlock(cluster.getFileSystem(), new Path(null, null, path));
        File file = cluster.getBlockFile(0, block);
        try (RandomAccessFile data = new RandomAccessFile(file, "rw")) {
            int first = data.read();
            data.seek(0);
            data.write(first ^ 1);
        }
    }
}
