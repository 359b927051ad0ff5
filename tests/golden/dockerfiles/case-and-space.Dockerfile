
   # comment
	from base:1 as final
  env A=1
	Run   echo	tab
  ENTRYPOINT	[ "x" ]
