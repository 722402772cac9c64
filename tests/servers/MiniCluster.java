/* SPDX-License-Identifier: Apache-2.0 */
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.Deque;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FileUtil;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.hdfs.DFSTestUtil;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.apache.hadoop.hdfs.MiniDFSNNTopology;
import org.apache.hadoop.hdfs.protocol.ExtendedBlock;
import org.apache.hadoop.hdfs.protocol.HdfsConstants.SafeModeAction;
import org.apache.hadoop.hdfs.server.namenode.NameNodeAdapter;

/**
 * Real name and data nodes on loopback, for tests: MiniCluster FOLDER DATANODES PORT HTTP_PORT [PORT HTTP_PORT], the second pair
 * for a name node that stands by, of the nameservice "pair". Prints "ready PORT" and then takes commands on standard input, one a
 * line, each answered by "ok" or "failed WHY":
 * stop-datanode, start-datanodes, safemode on|off, restart-namenode, failover, lease SOFT_MS HARD_MS, corrupt DATANODE|all PATH,
 * quit; and for what is on it, beside any client that is tested: mkdir, remove, files PATH (one a line), read PATH (base64),
 * write PATH BASE64, copy PATH PATH. The end of its input is quit.
 */
public class MiniCluster {
    private static final Deque<MiniDFSCluster.DataNodeProperties> stopped = new ArrayDeque<>();
    private static int active = 0;

    public static void main(String[] args) throws Exception {
        Configuration conf = new Configuration();
        conf.set(MiniDFSCluster.HDFS_MINIDFS_BASEDIR, args[0]);
        conf.set("dfs.replication", args[1]);
        conf.setInt("dfs.namenode.fs-limits.min-block-size", 1024);
        conf.setInt("dfs.namenode.safemode.extension", 0);
        conf.setBoolean("dfs.permissions.enabled", true);
        conf.setInt("ipc.maximum.data.length", 64 << 20);
        MiniDFSNNTopology.NSConf names = new MiniDFSNNTopology.NSConf(args.length > 4 ? "pair" : null);
        for (int i = 2; i + 1 < args.length; i += 2)
            names.addNN(new MiniDFSNNTopology.NNConf(args.length > 4 ? "nn" + i / 2 : null)
                .setIpcPort(Integer.parseInt(args[i])).setHttpPort(Integer.parseInt(args[i + 1])));
        try (MiniDFSCluster cluster = new MiniDFSCluster.Builder(conf).numDataNodes(Integer.parseInt(args[1]))
                 .nnTopology(new MiniDFSNNTopology().addNameservice(names)).build()) {
            if (args.length > 4)
                cluster.transitionToActive(active);
            cluster.waitActive();
            System.out.println("ready " + args[2]);
            BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line = in.readLine(); line != null && !line.equals("quit"); line = in.readLine()) {
                try {
                    obey(cluster, line.split(" ", 3));
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
        case "start-datanodes":
            while (!stopped.isEmpty())
                cluster.restartDataNode(stopped.pop(), true);
            cluster.waitActive();
            break;
        case "safemode":
            cluster.getNameNodeRpc(active).setSafeMode(
                words[1].equals("on") ? SafeModeAction.SAFEMODE_ENTER : SafeModeAction.SAFEMODE_LEAVE, false);
            break;
        case "restart-namenode":
            cluster.restartNameNode(active, true);
            if (cluster.getNumNameNodes() > 1)
                cluster.transitionToActive(active);
            break;
        case "failover":
            cluster.transitionToStandby(active);
            active = 1 - active;
            cluster.transitionToActive(active);
            break;
        case "lease":
            NameNodeAdapter.setLeasePeriod(cluster.getNamesystem(active), Long.parseLong(words[1]), Long.parseLong(words[2]));
            break;
        case "corrupt":
            for (int i = 0; i < cluster.getDataNodes().size(); i++)
                if (words[1].equals("all") || words[1].equals(String.valueOf(i)))
                    corrupt(cluster, i, words[2]);
            break;
        default:
            look(cluster.getFileSystem(active), words, new Path(null, null, words[1]));
        }
    }

    private static void look(FileSystem files, String[] words, Path path) throws Exception {
        switch (words[0]) {
        case "mkdir":
            files.mkdirs(path);
            break;
        case "remove":
            files.delete(path, true);
            break;
        case "files":
            for (RemoteIterator<LocatedFileStatus> each = files.listFiles(path, true); each.hasNext();)
                System.out.println(each.next().getPath().toUri().getPath());
            break;
        case "read":
            try (FSDataInputStream in = files.open(path)) {
                System.out.println(Base64.getEncoder().encodeToString(in.readAllBytes()));
            }
            break;
        case "write":
            try (FSDataOutputStream out = files.create(path)) {
                out.write(Base64.getDecoder().decode(words[2]));
            }
            break;
        case "copy":
            FileUtil.copy(files, path, files, new Path(null, null, words[2]), false, files.getConf());
            break;
        default:
            throw new IllegalArgumentException(words[0]);
        }
    }

    /** Turns a bit of the first byte of the file's first block, in the data node's own file. */
    private static void corrupt(MiniDFSCluster cluster, int node, String path) throws Exception {
        ExtendedBlock block = DFSTestUtil.getFirstBlock(cluster.getFileSystem(active), new Path(null, null, path));
        File file = cluster.getBlockFile(node, block);
        try (RandomAccessFile data = new RandomAccessFile(file, "rw")) {
            int first = data.read();
            data.seek(0);
            data.write(first ^ 1);
        }
    }
}
