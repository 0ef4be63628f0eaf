import java.io.File;
import java.io.IOException;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;

/** The local file system, in which /Volumes is the folder that the property workspace.volumes names. */
public final class WorkspaceFiles extends LocalFileSystem {
  private static final String PREFIX = "/Volumes/";

  public WorkspaceFiles() {
    super(new Raw());
  }

  private static final class Raw extends RawLocalFileSystem {
    private static boolean inVolume(Path path) {
      String name = path.toUri().getPath();
      return name != null && name.startsWith(PREFIX);
    }

    @Override
    public File pathToFile(Path path) {
      if (inVolume(path)) {
        String name = path.toUri().getPath().substring(PREFIX.length());
        return new File(System.getProperty("workspace.volumes"), name);
      }
      return super.pathToFile(path);
    }

    @Override
    public FileStatus[] listStatus(Path path) throws IOException {
      FileStatus found = getFileStatus(path);
      return found.isFile() ? new FileStatus[] {found} : super.listStatus(path);
    }

    /** The superclass would tell the place on disk instead of the name that was asked for. */
    @Override
    public FileStatus getFileStatus(Path path) throws IOException {
      FileStatus found = super.getFileStatus(path);
      if (!inVolume(path)) {
        return found;
      }
      return new FileStatus(
          found.getLen(), found.isDirectory(), 1, found.getBlockSize(), found.getModificationTime(), makeQualified(path));
    }
  }
}
