package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"example.com/app/text"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return value
}

func readAll(count int) int {
	var group sync.WaitGroup
	lengths := make([]int, count)
	for number := range count {
		group.Add(1)
		go func() {
			defer group.Done()
			lengths[number] = len(must(os.ReadFile("/etc/passwd")))
		}()
	}
	group.Wait()
	equal := 0
	for _, length := range lengths {
		if length == lengths[0] && length > 0 {
			equal++
		}
	}
	return equal
}

func main() {
	fmt.Println(text.Greeting(), must(os.Executable()), must(os.Getwd()), os.Getuid())
	fmt.Println("read:", readAll(200))
	fmt.Printf("child: %q\n", must(exec.Command("sh", "-c", "echo $0 $PPID | cut -d' ' -f1; pwd").Output()))
	err := exec.Command("sh", "-c", "kill -9 $$").Run()
	fmt.Println("killed:", err)
	folder := must(os.MkdirTemp("", "app"))
	os.Symlink("../../etc/passwd", filepath.Join(folder, "link"))
	fmt.Println("link:", must(filepath.EvalSymlinks(filepath.Join(folder, "link"))))
	os.Chown(folder, 7, 8)
	owner := must(os.Stat(folder)).Sys().(*syscall.Stat_t)
	fmt.Println("owner:", owner.Uid, owner.Gid, os.RemoveAll(folder))
	_, err = os.Stat("/no/such")
	fmt.Println(err)
}
