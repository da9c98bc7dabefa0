print('echo')
