package Counted;

use strict;
use warnings;

sub new { my ($class) = @_; return bless { count => 0 }, $class; }
sub next_one { my ($self) = @_; return ++$self->{count}; }

1;
