use strict;
use warnings;
use Cwd qw(getcwd realpath);
use Digest::SHA qw(sha256_hex);
use Encode qw(decode);
use Fcntl qw(:DEFAULT :flock :mode);
use File::Copy qw(copy move);
use File::Find;
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempfile tempdir);
use IO::Socket::UNIX;
use IPC::Open3;
use POSIX ();
use SDBM_File;
use Storable qw(store retrieve);
use Counted;

$| = 1;
my $counted = Counted->new;
print "module: ", $counted->next_one, $counted->next_one, " $INC{'Counted.pm'}\n";

# Processes.
my $pid = fork // die "fork: $!";
if (!$pid) { exit 7 }
waitpid $pid, 0;
print "child: ", $? >> 8, "\n";
open my $pipe, '-|', 'sh', '-c', 'echo from a pipe; exit 3' or die $!;
print <$pipe>;
close $pipe;
print "pipe: ", $? >> 8, "\n";
$pid = open3(my $in, my $out, undef, 'tr', 'a-z', 'A-Z');
print $in "both ways\n";
close $in;
print <$out>;
waitpid $pid, 0;
print "uid $< $> gid ", (split ' ', $()[0], "\n";
local $SIG{ALRM} = sub { die "alarm\n" };
eval { alarm 1; select undef, undef, undef, 20; };
print "signal: $@";
print "missing: ", system('/no/such/program') == -1 ? 0 + $! : 'found', "\n";
print "name: ", scalar getpwuid($>), " ", (getgrnam 'daemon')[2], "\n";

# Files.
make_path 'perl/a/b/c', { mode => 0750 };
sysopen my $made, 'perl/a/file', O_CREAT | O_EXCL | O_RDWR, 0640 or die $!;
print "twice: ", (sysopen(my $again, 'perl/a/file', O_CREAT | O_EXCL | O_RDWR) ? 'made' : 0 + $!), "\n";
print $made "x" x 10000;
close $made;
print "link: ", (link 'perl/a/file', 'perl/a/b/hard'), (symlink '../file', 'perl/a/b/soft'), "\n";
chown 5, 6, 'perl/a/b/hard';
chmod 02755, 'perl/a/b/c';
utime 1_000_000_000, 1_100_000_000, 'perl/a/file';
my @stat = stat 'perl/a/b/soft';
printf "stat: %o %d %d:%d %d %d %d\n", @stat[2, 3, 4, 5, 7, 8, 9];
printf "lstat: %s\n", S_ISLNK((lstat 'perl/a/b/soft')[2]) ? 'link' : 'other';
print "read: ", readlink('perl/a/b/soft'), " ", realpath('perl/a/b/soft'), " ", getcwd, "\n";
my @found;
find { wanted => sub { push @found, $File::Find::name }, no_chdir => 0 }, 'perl';
print join(' ', sort @found), "\n";
print join(' ', sort glob 'perl/a/{b,f}*'), "\n";
copy 'perl/a/file', 'perl/copy' and move 'perl/copy', 'perl/moved';
print "tests: ", join(' ', map { -e $_ ? -d _ ? 'd' : -x _ ? 'x' : 'f' : '-' } 'perl', 'perl/moved', '/bin/sh', '/no'), "\n";
open my $locked, '+<', 'perl/moved' or die $!;
print "lock: ", flock($locked, LOCK_EX | LOCK_NB), "\n";
truncate $locked, 10;
close $locked;
print "size: ", -s 'perl/moved', "\n";
my ($temporary, $name) = tempfile(UNLINK => 1);
print $temporary "content";
close $temporary;
print "temporary: ", -s $name, "\n";
my $folder = tempdir(CLEANUP => 1);
print "folder: ", -d $folder ? 1 : 0, "\n";
remove_tree 'perl/a/b/c';
opendir my $listing, 'perl/a/b' or die $!;
print "left: ", join(' ', sort grep { !/^\./ } readdir $listing), "\n";

# Sockets and stores.
my $server = IO::Socket::UNIX->new(Local => '/tmp/perl.sock', Listen => 1) or die $!;
if (!fork) {
    my $client = IO::Socket::UNIX->new(Peer => '/tmp/perl.sock') or die $!;
    print $client "through a socket\n";
    POSIX::_exit(0);
}
my $connection = $server->accept;
print scalar <$connection>;
wait;
unlink '/tmp/perl.sock';
tie my %dbm, 'SDBM_File', 'perl/dbm', O_RDWR | O_CREAT, 0644 or die $!;
$dbm{$_} = $_ * $_ for 1 .. 100;
untie %dbm;
store { list => [1 .. 5] }, 'perl/stored';
print "stored: @{ retrieve('perl/stored')->{list} }\n";
print sha256_hex('x'), " ", length decode('UTF-8', "\xc3\xa4"), "\n";
